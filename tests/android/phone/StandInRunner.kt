package mobilekit.phone

import android.app.Instrumentation
import android.content.Context
import android.content.ContextWrapper
import android.os.Bundle
import androidx.test.ext.junit.runners.AndroidJUnit4
import androidx.test.platform.app.InstrumentationRegistry
import java.io.File
import org.json.JSONObject
import org.junit.Test
import org.junit.runner.Description
import org.junit.runner.JUnitCore
import org.junit.runner.RunWith
import org.junit.runner.notification.Failure
import org.junit.runner.notification.RunListener

/**
 * A stand-in for `androidx.test.runner.AndroidJUnitRunner`: runs the test class that it was asked
 * for, in Robolectric's Android, and says so as `am instrument -r` does.
 */
@RunWith(AndroidJUnit4::class)
class StandInRunner {
    @Test
    fun run() {
        val installed = File(System.getProperty("phone.installed"))
        val given = JSONObject(System.getProperty("phone.arguments"))
        System.getProperty("phone.library")?.let { System.load(it) }
        val arguments = Bundle()
        for (name in given.keys()) arguments.putString(name, given.getString(name))
        val app = AppContext(
            InstrumentationRegistry.getInstrumentation().targetContext.applicationContext,
            installed.resolve("data"),
        )
        InstrumentationRegistry.registerInstance(AppInstrumentation(app), arguments)
        val core = JUnitCore()
        val told = Told(installed.resolve("instrumentation.txt"))
        core.addListener(told)
        core.run(*given.getString("class").split(',').map { Class.forName(it) }.toTypedArray())
        told.say("INSTRUMENTATION_RESULT: stream=")
        told.say("INSTRUMENTATION_CODE: -1")
    }
}

/** Robolectric's app, with the phone's folder for its data. */
private class AppContext(base: Context, private val data: File) : ContextWrapper(base) {
    override fun getApplicationContext(): Context = this

    override fun getFilesDir(): File = data.resolve("files")

    override fun getCacheDir(): File = data.resolve("cache").apply { mkdirs() }

    override fun getNoBackupFilesDir(): File = data.resolve("no_backup").apply { mkdirs() }
}

private class AppInstrumentation(private val app: Context) : Instrumentation() {
    override fun getContext(): Context = app

    override fun getTargetContext(): Context = app
}

private class Told(private val file: File) : RunListener() {
    private val failures = mutableMapOf<Description, Pair<Int, String>>()

    fun say(line: String) = file.appendText("$line\n")

    override fun testStarted(description: Description) = status(description, 1)

    override fun testFailure(failure: Failure) {
        failures[failure.description] = -2 to failure.trace
    }

    override fun testAssumptionFailure(failure: Failure) {
        failures[failure.description] = -4 to failure.trace
    }

    override fun testFinished(description: Description) {
        val (code, trace) = failures[description] ?: (0 to "")
        if (trace.isNotEmpty()) say("INSTRUMENTATION_STATUS: stack=$trace")
        status(description, code)
    }

    private fun status(description: Description, code: Int) {
        say("INSTRUMENTATION_STATUS: class=${description.className}")
        say("INSTRUMENTATION_STATUS: test=${description.methodName}")
        say("INSTRUMENTATION_STATUS_CODE: $code")
    }
}
