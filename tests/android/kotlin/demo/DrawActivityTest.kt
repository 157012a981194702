package com.example.digits.demo

import android.content.res.Configuration
import android.view.View
import android.widget.Button
import android.widget.ImageView
import android.widget.TextView
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNotNull
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController
import org.robolectric.annotation.Config

/** The app's first screen with its real resources and the real model. */
@RunWith(RobolectricTestRunner::class)
@Config(qualifiers = "w411dp-h891dp-420dpi")
class DrawActivityTest {
    private val controller: ActivityController<DrawActivity> =
        Robolectric.buildActivity(DrawActivity::class.java)
    private val activity: DrawActivity get() = controller.get()

    @Test
    fun aDigitThatIsDrawnIsShownWithItsScoreAndWhatRanIt() {
        controller.setup()
        awaitText("Runs on the CPU with tflite-fp16") { text(R.id.accelerator) }
        assertTrue(text(R.id.reason).isNotEmpty())
        assertEquals("Draw a digit", text(R.id.score))
        screenshot("start")

        for (digit in listOf("3", "0")) {
            draw(paper, drawingOf(digit))
            awaitText(digit) { text(R.id.label) }
            val label = activity.view<TextView>(R.id.label)
            assertEquals("It looks like a $digit", label.contentDescription)
            assertEquals(View.ACCESSIBILITY_LIVE_REGION_POLITE, label.accessibilityLiveRegion)
            assertTrue(text(R.id.score), text(R.id.score).matches(Regex("Score \\d+%")))
            assertTrue(text(R.id.latency), text(R.id.latency).matches(Regex("[\\d.,]+ ms")))
            assertNotNull(activity.view<ImageView>(R.id.image).drawable)
            screenshot("digit-$digit")
            clear()
        }
    }

    @Test
    fun clearingForgetsTheDrawing() {
        controller.setup()
        assertFalse(activity.view<Button>(R.id.clear).isEnabled)
        draw(paper, drawingOf("4"))
        awaitText("4") { text(R.id.label) }
        clear()
        assertTrue(paper.drawing.isEmpty)
        assertEquals("Draw a digit", text(R.id.score))
        assertEquals("", text(R.id.latency))
        assertNull(activity.view<ImageView>(R.id.image).drawable)
        assertNull(activity.view<TextView>(R.id.label).contentDescription)
    }

    @Test
    fun turningTheDeviceKeepsTheDrawing() {
        controller.setup()
        draw(paper, drawingOf("5"))
        awaitText("5") { text(R.id.label) }
        val before = paper.drawing.strokes.map { it.toList() }
        val old = activity

        RuntimeEnvironment.setQualifiers("+land")
        controller.configurationChange(Configuration(activity.resources.configuration)).visible()
        assertFalse(activity === old)
        val turned = activity.resources.configuration
        assertEquals(Configuration.ORIENTATION_LANDSCAPE, turned.orientation)
        assertEquals(before, paper.drawing.strokes.map { it.toList() })
        awaitText("5") { text(R.id.label) }
        screenshot("landscape")
    }

    @Test
    fun aGestureThatIsTakenAwayLeavesNoStroke() {
        controller.setup()
        touch(paper, 0.2f to 0.2f, 0.5f to 0.5f, cancelled = true)
        assertTrue(paper.drawing.isEmpty)
        assertFalse(activity.view<Button>(R.id.clear).isEnabled)
    }

    @Test
    fun theSheetIsASquareOfAGoodSizeOnEveryScreen() {
        val sizes = listOf("w320dp-h480dp", "w480dp-h320dp-land", "w411dp-h891dp", "w800dp-h1280dp")
        for (fontScale in listOf(1f, 2f)) {
            RuntimeEnvironment.setFontScale(fontScale)
            for (size in sizes) {
                RuntimeEnvironment.setQualifiers("$size-mdpi")
                val screen = Robolectric.buildActivity(DrawActivity::class.java).setup()
                val sheet = screen.get().view<DrawingView>(R.id.paper)
                assertEquals(sheet.width, sheet.height)
                assertTrue("$size, fonts × $fontScale: ${sheet.width}", sheet.width >= 190)
                screen.destroy()
            }
        }
    }

    @Test
    @Config(qualifiers = "+night")
    fun atNightItIsDark() {
        controller.setup()
        draw(paper, drawingOf("2"))
        awaitText("2") { text(R.id.label) }
        val image = screenshot("night")
        assertTrue(brightness(image.getPixel(5, image.height / 2)) < 64)
    }

    @Test
    @Config(qualifiers = "+notnight")
    fun byDayItIsLight() {
        controller.setup()
        val image = screenshot("day")
        assertTrue(brightness(image.getPixel(5, image.height / 2)) > 192)
    }

    @Test
    fun theMenuLeadsToTheBenchmark() {
        controller.setup()
        shadowOf(activity).clickMenuItem(R.id.benchmark)
        val next = shadowOf(activity).nextStartedActivity
        assertEquals(BenchmarkActivity::class.java.name, next.component?.className)
    }

    @Test
    fun turningItAgainAndAgainLosesNothing() {
        controller.setup()
        draw(paper, drawingOf("6"))
        repeat(8) { turn ->
            RuntimeEnvironment.setQualifiers(if (turn % 2 == 0) "+land" else "+port")
            controller.configurationChange(Configuration(activity.resources.configuration))
            idle()
        }
        awaitText("6") { text(R.id.label) }
    }

    @Test
    fun leavingBeforeTheModelIsReadyIsNoError() {
        controller.setup().pause().stop().destroy()
        idle()
    }

    private val paper: DrawingView get() = activity.view(R.id.paper)

    private fun text(id: Int): String = activity.view<TextView>(id).text.toString()

    private fun clear() {
        activity.view<Button>(R.id.clear).performClick()
        awaitText("–") { text(R.id.label) }
    }

    private fun screenshot(name: String) = screenshot(activity, name)
}
