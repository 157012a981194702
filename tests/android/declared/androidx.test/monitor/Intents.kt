package androidx.test.runner.intent

import android.content.Intent

interface IntentCallback {
    fun onIntentSent(intent: Intent)
}

interface IntentMonitor {
    fun addIntentCallback(callback: IntentCallback)

    fun removeIntentCallback(callback: IntentCallback)
}

class IntentMonitorRegistry private constructor() {
    companion object {
        @Volatile private var monitor: IntentMonitor? = null

        @JvmStatic
        fun getInstance(): IntentMonitor = checkNotNull(monitor)

        @JvmStatic
        fun registerInstance(monitor: IntentMonitor?) {
            this.monitor = monitor
        }
    }
}
