package com.example.digits.demo

/**
 * What was drawn, in any unit.
 *
 * @property strokes the points of each, one after another: x, y, x, y, …, with y growing downwards.
 */
internal class Drawing(val strokes: List<FloatArray>) {
    val isEmpty: Boolean get() = strokes.all { it.isEmpty() }
}
