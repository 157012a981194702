package androidx.test.runner.lifecycle

import android.app.Activity
import android.app.Application

enum class Stage { PRE_ON_CREATE, CREATED, STARTED, RESUMED, PAUSED, STOPPED, RESTARTED, DESTROYED }

enum class ApplicationStage { PRE_ON_CREATE, CREATED }

interface ActivityLifecycleCallback {
    fun onActivityLifecycleChanged(activity: Activity, stage: Stage)
}

interface ApplicationLifecycleCallback {
    fun onApplicationLifecycleChanged(app: Application, stage: ApplicationStage)
}

interface ActivityLifecycleMonitor {
    fun addLifecycleCallback(callback: ActivityLifecycleCallback)

    fun removeLifecycleCallback(callback: ActivityLifecycleCallback)

    fun getLifecycleStageOf(activity: Activity): Stage

    fun getActivitiesInStage(stage: Stage): Collection<Activity>
}

interface ApplicationLifecycleMonitor {
    fun addLifecycleCallback(callback: ApplicationLifecycleCallback)

    fun removeLifecycleCallback(callback: ApplicationLifecycleCallback)
}

class ActivityLifecycleMonitorRegistry private constructor() {
    companion object {
        @Volatile private var monitor: ActivityLifecycleMonitor? = null

        @JvmStatic
        fun getInstance(): ActivityLifecycleMonitor = checkNotNull(monitor)

        @JvmStatic
        fun registerInstance(monitor: ActivityLifecycleMonitor?) {
            this.monitor = monitor
        }
    }
}

class ApplicationLifecycleMonitorRegistry private constructor() {
    companion object {
        @Volatile private var monitor: ApplicationLifecycleMonitor? = null

        @JvmStatic
        fun getInstance(): ApplicationLifecycleMonitor = checkNotNull(monitor)

        @JvmStatic
        fun registerInstance(monitor: ApplicationLifecycleMonitor?) {
            this.monitor = monitor
        }
    }
}
