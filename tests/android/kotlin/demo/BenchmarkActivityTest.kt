package com.example.digits.demo

import android.content.res.Configuration
import android.view.View
import android.view.ViewGroup
import android.widget.Button
import android.widget.TextView
import com.example.digits.Accelerator
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.android.controller.ActivityController
import org.robolectric.annotation.Config

/** The benchmark's screen with its real resources and the real model. */
@RunWith(RobolectricTestRunner::class)
@Config(qualifiers = "w411dp-h891dp-420dpi")
class BenchmarkActivityTest {
    private val controller: ActivityController<BenchmarkActivity> =
        Robolectric.buildActivity(BenchmarkActivity::class.java).setup()
    private val activity: BenchmarkActivity get() = controller.get()

    @Test
    fun everyAcceleratorIsTimedOrSaysWhyNot() {
        awaitEnd()
        screenshot(activity, "benchmark")
        val rows = activity.view<ViewGroup>(R.id.rows)
        assertEquals(Accelerator.entries.size, rows.childCount)
        for ((index, accelerator) in Accelerator.entries.withIndex()) {
            val row = rows.getChildAt(index)
            assertEquals(accelerator.name, text(row, R.id.name))
            val result = text(row, R.id.result)
            val details = text(row, R.id.details)
            if (accelerator == Accelerator.CPU || result.endsWith("ms")) {
                assertTrue(result, result.matches(Regex("[\\d.,]+ ms")))
                assertTrue(details, details.startsWith("200 calls: 90 % took at most "))
                assertFalse(details, "trained model" in details)
            } else {
                assertEquals("Not used here", result)
                assertTrue("$accelerator needs a reason", details.isNotEmpty())
            }
        }
    }

    @Test
    fun turningTheDeviceKeepsTheResults() {
        awaitEnd()
        val before = results()
        RuntimeEnvironment.setQualifiers("+land")
        controller.configurationChange(Configuration(activity.resources.configuration))
        assertEquals(before, results())
        assertTrue(activity.view<Button>(R.id.run_again).isEnabled)
    }

    @Test
    fun itRunsAgain() {
        awaitEnd()
        activity.view<Button>(R.id.run_again).performClick()
        assertFalse(activity.view<Button>(R.id.run_again).isEnabled)
        assertTrue(results().any { it.startsWith("Waits") || it.startsWith("Running") })
        awaitEnd()
    }

    @Test
    fun leavingWhileItRunsIsNoError() {
        controller.pause().stop().destroy()
        idle()
    }

    private fun awaitEnd() = await({ "end of the benchmark" }) {
        activity.view<Button>(R.id.run_again).isEnabled
    }

    private fun results(): List<String> {
        val rows = activity.view<ViewGroup>(R.id.rows)
        return List(rows.childCount) { index ->
            rows.getChildAt(index).let { text(it, R.id.result) + text(it, R.id.details) }
        }
    }

    private fun text(row: View, id: Int): String = row.view<TextView>(id).text.toString()
}
