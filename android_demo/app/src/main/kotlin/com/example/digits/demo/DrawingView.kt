package com.example.digits.demo

import android.content.Context
import android.graphics.Canvas
import android.graphics.Paint
import android.graphics.Path
import android.os.Parcel
import android.os.Parcelable
import android.util.AttributeSet
import android.view.MotionEvent
import android.view.View
import kotlin.math.min

/** A square sheet that a finger draws on. It keeps the drawing when the device is turned. */
internal class DrawingView(context: Context, attributes: AttributeSet) : View(context, attributes) {
    /** Is told of every change. */
    var onChange: (Drawing) -> Unit = {}

    /** The points in shares of the sheet's side, which may be of another size later. */
    private val strokes = mutableListOf<Points>()
    private var finger = NONE

    private val path = Path()
    private val ink = Paint(Paint.ANTI_ALIAS_FLAG).apply {
        color = context.getColor(R.color.ink)
        style = Paint.Style.STROKE
        strokeCap = Paint.Cap.ROUND
        strokeJoin = Paint.Join.ROUND
    }

    val drawing: Drawing get() = Drawing(strokes.map { it.toArray() })

    fun clear() {
        strokes.clear()
        finger = NONE
        changed()
    }

    override fun onMeasure(widthMeasureSpec: Int, heightMeasureSpec: Int) {
        super.onMeasure(widthMeasureSpec, heightMeasureSpec)
        val side = min(measuredWidth, measuredHeight)
        setMeasuredDimension(side, side)
    }

    override fun onDraw(canvas: Canvas) {
        super.onDraw(canvas)
        ink.strokeWidth = width * PEN
        path.rewind()
        for (stroke in strokes) stroke.addTo(path, width.toFloat())
        canvas.drawPath(path, ink)
    }

    override fun onTouchEvent(event: MotionEvent): Boolean {
        when (event.actionMasked) {
            MotionEvent.ACTION_DOWN -> begin(event)
            MotionEvent.ACTION_MOVE -> extend(event)
            MotionEvent.ACTION_UP -> if (finger != NONE) performClick()
            MotionEvent.ACTION_POINTER_UP -> {
                if (event.getPointerId(event.actionIndex) == finger) finger = NONE
            }
            MotionEvent.ACTION_CANCEL -> takeBack()
        }
        return true
    }

    override fun performClick(): Boolean {
        finger = NONE
        return super.performClick()
    }

    private fun begin(event: MotionEvent) {
        parent.requestDisallowInterceptTouchEvent(true)
        finger = event.getPointerId(0)
        strokes += Points().apply { add(event.x / width, event.y / height) }
        changed()
    }

    private fun extend(event: MotionEvent) {
        val index = event.findPointerIndex(finger)
        if (index < 0) return
        val stroke = strokes.last()
        for (past in 0 until event.historySize) {
            val x = event.getHistoricalX(index, past)
            val y = event.getHistoricalY(index, past)
            stroke.add(x / width, y / height)
        }
        stroke.add(event.getX(index) / width, event.getY(index) / height)
        changed()
    }

    /** Forgets a stroke that turned out to be another gesture. */
    private fun takeBack() {
        if (finger == NONE) return
        finger = NONE
        strokes.removeAt(strokes.lastIndex)
        changed()
    }

    private fun changed() {
        invalidate()
        onChange(drawing)
    }

    override fun onSaveInstanceState(): Parcelable =
        SavedState(super.onSaveInstanceState(), drawing.strokes)

    override fun onRestoreInstanceState(state: Parcelable?) {
        super.onRestoreInstanceState((state as? SavedState)?.superState ?: state)
        if (state is SavedState) {
            strokes.clear()
            state.strokes.mapTo(strokes, ::Points)
            changed()
        }
    }

    private class SavedState : BaseSavedState {
        val strokes: List<FloatArray>

        constructor(superState: Parcelable?, strokes: List<FloatArray>) : super(superState) {
            this.strokes = strokes
        }

        constructor(parcel: Parcel) : super(parcel) {
            strokes = List(parcel.readInt()) { parcel.createFloatArray() ?: FloatArray(0) }
        }

        override fun writeToParcel(out: Parcel, flags: Int) {
            super.writeToParcel(out, flags)
            out.writeInt(strokes.size)
            strokes.forEach(out::writeFloatArray)
        }

        companion object {
            @JvmField
            val CREATOR = object : Parcelable.Creator<SavedState> {
                override fun createFromParcel(parcel: Parcel) = SavedState(parcel)

                override fun newArray(size: Int) = arrayOfNulls<SavedState>(size)
            }
        }
    }

    private companion object {
        const val NONE = -1

        /** The pen's width in shares of the sheet's side. */
        const val PEN = 0.06f
    }
}

/** A stroke's points, which become more. */
private class Points(private var values: FloatArray = FloatArray(0)) {
    private var size = values.size

    fun add(x: Float, y: Float) {
        if (size == values.size) values = values.copyOf(maxOf(2 * size, 64))
        values[size++] = x
        values[size++] = y
    }

    fun toArray(): FloatArray = values.copyOf(size)

    /** Adds a smooth line through the points, enlarged. */
    fun addTo(path: Path, scale: Float) {
        if (size == 0) return
        path.moveTo(values[0] * scale, values[1] * scale)
        for (index in 2 until size step 2) {
            val x = values[index - 2] * scale
            val y = values[index - 1] * scale
            path.quadTo(x, y, (x + values[index] * scale) / 2, (y + values[index + 1] * scale) / 2)
        }
        path.lineTo(values[size - 2] * scale, values[size - 1] * scale)
    }
}
