package androidx.test.core.app

import android.content.Context
import androidx.test.platform.app.InstrumentationRegistry

class ApplicationProvider private constructor() {
    companion object {
        @JvmStatic
        @Suppress("UNCHECKED_CAST")
        fun <T : Context> getApplicationContext(): T =
            InstrumentationRegistry.getInstrumentation().targetContext.applicationContext as T
    }
}
