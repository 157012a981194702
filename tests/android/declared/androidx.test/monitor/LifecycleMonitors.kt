// Robolectric makes these two when it starts an application, and tells them what happens. They are
// stand-ins, which tell nobody: no test here listens.
package androidx.test.internal.runner.lifecycle

import android.app.Activity
import android.app.Application
import androidx.test.runner.lifecycle.ActivityLifecycleCallback
import androidx.test.runner.lifecycle.ActivityLifecycleMonitor
import androidx.test.runner.lifecycle.ApplicationLifecycleCallback
import androidx.test.runner.lifecycle.ApplicationLifecycleMonitor
import androidx.test.runner.lifecycle.ApplicationStage
import androidx.test.runner.lifecycle.Stage

private fun nobodyListens(): Nothing = throw UnsupportedOperationException("not declared here")

class ActivityLifecycleMonitorImpl : ActivityLifecycleMonitor {
    override fun addLifecycleCallback(callback: ActivityLifecycleCallback) {
        nobodyListens()
    }

    override fun removeLifecycleCallback(callback: ActivityLifecycleCallback) {
        nobodyListens()
    }

    override fun getLifecycleStageOf(activity: Activity): Stage = nobodyListens()

    override fun getActivitiesInStage(stage: Stage): Collection<Activity> = emptyList()

    fun signalLifecycleChange(stage: Stage, activity: Activity) = Unit
}

class ApplicationLifecycleMonitorImpl : ApplicationLifecycleMonitor {
    override fun addLifecycleCallback(callback: ApplicationLifecycleCallback) {
        nobodyListens()
    }

    override fun removeLifecycleCallback(callback: ApplicationLifecycleCallback) {
        nobodyListens()
    }

    fun signalLifecycleChange(app: Application, stage: ApplicationStage) = Unit
}
