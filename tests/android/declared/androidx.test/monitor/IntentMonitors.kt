// Robolectric makes one when it starts an application. A stand-in, which tells nobody: no test here
// listens.
package androidx.test.internal.runner.intent

import android.content.Intent
import androidx.test.runner.intent.IntentCallback
import androidx.test.runner.intent.IntentMonitor

private fun nobodyListens(): Nothing = throw UnsupportedOperationException("not declared here")

class IntentMonitorImpl : IntentMonitor {
    override fun addIntentCallback(callback: IntentCallback) {
        nobodyListens()
    }

    override fun removeIntentCallback(callback: IntentCallback) {
        nobodyListens()
    }

    fun signalIntent(intent: Intent) = Unit
}
