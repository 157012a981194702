// Robolectric asks these when an activity starts another one. Stand-ins: nobody has answers ready.
package androidx.test.runner.intent

import android.app.Instrumentation
import android.content.Intent

interface IntentStubber {
    fun getActivityResultForIntent(intent: Intent): Instrumentation.ActivityResult?
}

class IntentStubberRegistry private constructor() {
    companion object {
        @JvmStatic
        fun isLoaded(): Boolean = false

        @JvmStatic
        fun getInstance(): IntentStubber = throw UnsupportedOperationException("not declared here")
    }
}
