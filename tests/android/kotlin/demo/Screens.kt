package com.example.digits.demo

import android.app.Activity
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Color
import android.os.Looper
import android.os.SystemClock
import android.view.MotionEvent
import android.view.View
import java.io.File
import org.junit.Assert.fail
import org.robolectric.Shadows.shadowOf

/** Lets the main thread do what waits for it. */
internal fun idle() = shadowOf(Looper.getMainLooper()).idle()

/** Lets the main thread work until something holds. */
internal fun await(what: () -> String, holds: () -> Boolean) {
    val end = System.nanoTime() + 60_000_000_000
    while (!holds()) {
        if (System.nanoTime() > end) fail("There was no ${what()} for a minute.")
        Thread.sleep(2)
        idle()
    }
}

internal fun awaitText(expected: String, found: () -> String) =
    await({ "'$expected', but '${found()}'" }) { found() == expected }

/** Returns the strokes of the first drawing of a digit in `drawings.txt`, in shares of a sheet. */
internal fun drawingOf(digit: String): List<List<Pair<Float, Float>>> {
    val lines = File(System.getProperty("demo.drawings")!!).readLines()
    val line = lines.first { it.startsWith("$digit ") }
    return line.drop(2).split(';').map { stroke ->
        stroke.split(' ').map { point ->
            val (x, y) = point.split(',').map { it.toFloat() / 500 }
            x to y
        }
    }
}

/** Draws with a finger. */
internal fun draw(view: View, strokes: List<List<Pair<Float, Float>>>) {
    for (stroke in strokes) touch(view, *stroke.toTypedArray())
}

/** Moves a finger over a view; points are shares of its sides. */
internal fun touch(view: View, vararg points: Pair<Float, Float>, cancelled: Boolean = false) {
    val began = SystemClock.uptimeMillis()
    val last = if (cancelled) MotionEvent.ACTION_CANCEL else MotionEvent.ACTION_UP
    val moves = List(points.size - 1) { MotionEvent.ACTION_MOVE }
    val actions = listOf(MotionEvent.ACTION_DOWN) + moves + last
    for ((index, action) in actions.withIndex()) {
        val (x, y) = points[minOf(index, points.lastIndex)]
        val event = MotionEvent.obtain(
            began, began + 8 * index, action, x * view.width, y * view.height, 0,
        )
        view.dispatchTouchEvent(event)
        event.recycle()
    }
    idle()
}

/** Returns a picture of what is shown. The property `demo.screenshots` says where it goes too. */
internal fun screenshot(activity: Activity, name: String): Bitmap {
    val view = activity.window.decorView
    val image = Bitmap.createBitmap(view.width, view.height, Bitmap.Config.ARGB_8888)
    view.draw(Canvas(image))
    System.getProperty("demo.screenshots")?.let { folder ->
        File(folder, "$name.png").outputStream().use {
            image.compress(Bitmap.CompressFormat.PNG, 100, it)
        }
    }
    return image
}

internal fun brightness(colour: Int): Int =
    maxOf(Color.red(colour), Color.green(colour), Color.blue(colour))
