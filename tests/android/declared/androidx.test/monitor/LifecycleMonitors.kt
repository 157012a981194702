// Robolectric makes these two when it starts an application, and tells them what happens. They are
// stand-ins: no test here starts an activity or listens.
package androidx.test.internal.runner.lifecycle

import android.app.Activity
import android.app.Application
import androidx.test.runner.lifecycle.ActivityLifecycleCallback
import androidx.test.runner.lifecycle.ActivityLifecycleMonitor
import androidx.test.runner.lifecycle.ApplicationLifecycleCallback
import androidx.test.runner.lifecycle.ApplicationLifecycleMonitor
import androidx.test.runner.lifecycle.ApplicationStage
import androidx.test.runner.lifecycle.Stage

private fun noActivities(): Nothing = throw UnsupportedOperationException("not declared here")

class ActivityLifecycleMonitorImpl : ActivityLifecycleMonitor {
    override fun addLifecycleCallback(callback: ActivityLifecycleCallback) {
        noActivities()
    }

    override fun removeLifecycleCallback(callback: ActivityLifecycleCallback) {
        noActivities()
    }

    override fun getLifecycleStageOf(activity: Activity): Stage = noActivities()

    override fun getActivitiesInStage(stage: Stage): Collection<Activity> = emptyList()

    fun signalLifecycleChange(stage: Stage, activity: Activity) {
        noActivities()
    }
}

class ApplicationLifecycleMonitorImpl : ApplicationLifecycleMonitor {
    override fun addLifecycleCallback(callback: ApplicationLifecycleCallback) {
        noActivities()
    }

    override fun removeLifecycleCallback(callback: ApplicationLifecycleCallback) {
        noActivities()
    }

    fun signalLifecycleChange(app: Application, stage: ApplicationStage) = Unit
}
