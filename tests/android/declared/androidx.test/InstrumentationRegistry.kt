// Of AndroidX Test, what generated tests use (androidx.test:monitor 1.7, androidx.test:core 1.6,
// androidx.test.ext:junit 1.2): its classes are in Google's Maven repository alone.
package androidx.test.platform.app

import android.app.Instrumentation
import android.os.Bundle
import java.util.concurrent.atomic.AtomicReference

class InstrumentationRegistry private constructor() {
    companion object {
        private val instrumentation = AtomicReference<Instrumentation?>()
        private val arguments = AtomicReference<Bundle?>()

        @JvmStatic
        fun getInstrumentation(): Instrumentation =
            checkNotNull(instrumentation.get()) { "No instrumentation registered!" }

        @JvmStatic
        fun getArguments(): Bundle =
            Bundle(checkNotNull(arguments.get()) { "No instrumentation arguments registered!" })

        @JvmStatic
        fun registerInstance(instrumentation: Instrumentation?, arguments: Bundle?) {
            this.instrumentation.set(instrumentation)
            this.arguments.set(arguments?.let(::Bundle))
        }
    }
}
