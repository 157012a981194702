// Robolectric makes one when it starts an application. A stand-in: no test here sends an intent.
package androidx.test.internal.runner.intent

import android.content.Intent
import androidx.test.runner.intent.IntentCallback
import androidx.test.runner.intent.IntentMonitor

private fun noIntents(): Nothing = throw UnsupportedOperationException("not declared here")

class IntentMonitorImpl : IntentMonitor {
    override fun addIntentCallback(callback: IntentCallback) {
        noIntents()
    }

    override fun removeIntentCallback(callback: IntentCallback) {
        noIntents()
    }

    fun signalIntent(intent: Intent) {
        noIntents()
    }
}
