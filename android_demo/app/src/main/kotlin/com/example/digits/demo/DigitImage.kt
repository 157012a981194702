package com.example.digits.demo

import kotlin.math.max
import kotlin.math.min
import kotlin.math.roundToInt
import kotlin.math.sqrt

/**
 * A drawing as the model knows digits: 8×8 pixels, made as those were that it was trained on.
 *
 * Those began as scans that were put upright, brought to one size, and given strokes of such a
 * width that every digit holds about as much ink. A pixel then was the share of ink in 4×4 smaller
 * ones. Here the scan is a drawing, and the rest is the same; `README.md` says how well that goes.
 *
 * @property grey the pixels row by row: 0 is paper, 255 ink.
 */
internal class DigitImage private constructor(val grey: IntArray) {
    companion object {
        /** Pixels along each side. */
        const val SIDE = 8

        private const val CELLS = 4
        private const val GRID = SIDE * CELLS

        /** How many cells of the grid hold ink: the mean of the model's own digits. */
        private const val INK = 311

        /** The box that the middle of the strokes fits into, in cells. */
        private const val WIDTH = 18f
        private const val HEIGHT = 26f

        /** A narrow digit may be made wider by this much, and a low one higher. */
        private const val STRETCH = 2f

        /** More slant than this is a digit's own shape. */
        private const val STEEPEST = 1.0

        /** Makes the image of a drawing, which must not be empty. */
        fun of(drawing: Drawing): DigitImage {
            require(!drawing.isEmpty) { "There is nothing in the drawing." }
            return DigitImage(shares(inked(fitted(upright(linesOf(drawing))))))
        }

        private fun linesOf(drawing: Drawing): List<Line> = drawing.strokes.flatMap { points ->
            // A dot is a line without length.
            val last = max(points.size / 2 - 1, 1)
            List(if (points.isEmpty()) 0 else last) { index ->
                val end = min(2 * index + 2, points.size - 2)
                Line(points[2 * index], points[2 * index + 1], points[end], points[end + 1])
            }
        }

        /** Shears the lines by the slant that they have as a whole. */
        private fun upright(lines: List<Line>): List<Line> {
            val length = lines.sumOf { it.length }
            val x = lines.sumOf { it.length * it.middleX } / length
            val y = lines.sumOf { it.length * it.middleY } / length
            // How far the ink spreads upwards, and how much of that goes sideways too. A line
            // spreads by a twelfth of its own extent besides where its middle is.
            val spread = lines.sumOf { it.length * (square(it.middleY - y) + square(it.dy) / 12) }
            val aside = lines.sumOf {
                it.length * ((it.middleX - x) * (it.middleY - y) + it.dx * it.dy / 12)
            }
            if (length == 0.0 || spread == 0.0) return lines
            val slant = (aside / spread).coerceIn(-STEEPEST, STEEPEST).toFloat()
            return lines.map { line -> line.map({ x, y -> x - slant * y }, { _, y -> y }) }
        }

        /** Moves the lines into the middle of the grid, as large as the box. */
        private fun fitted(lines: List<Line>): List<Line> {
            val left = lines.minOf { min(it.x0, it.x1) }
            val right = lines.maxOf { max(it.x0, it.x1) }
            val top = lines.minOf { min(it.y0, it.y1) }
            val bottom = lines.maxOf { max(it.y0, it.y1) }
            if (left == right && top == bottom) {
                return listOf(Line(GRID / 2f, GRID / 2f, GRID / 2f, GRID / 2f))
            }
            val wide = WIDTH / (right - left)
            val high = HEIGHT / (bottom - top)
            val scaleX = min(wide, STRETCH * high)
            val scaleY = min(high, STRETCH * wide)
            return lines.map { line ->
                line.map(
                    { x, _ -> (x - (left + right) / 2) * scaleX + GRID / 2f },
                    { _, y -> (y - (top + bottom) / 2) * scaleY + GRID / 2f },
                )
            }
        }

        /** Puts the ink where the grid's cells are nearest to the lines. */
        private fun inked(lines: List<Line>): BooleanArray {
            val distances = DoubleArray(GRID * GRID) { cell ->
                val x = cell % GRID + 0.5f
                val y = cell / GRID + 0.5f
                lines.minOf { it.squaredDistance(x, y) }
            }
            val farthest = distances.sortedArray()[INK - 1]
            return BooleanArray(distances.size) { distances[it] <= farthest }
        }

        private fun shares(ink: BooleanArray): IntArray = IntArray(SIDE * SIDE) { pixel ->
            val corner = pixel / SIDE * CELLS * GRID + pixel % SIDE * CELLS
            val count = (0 until CELLS * CELLS).count { cell ->
                ink[corner + cell / CELLS * GRID + cell % CELLS]
            }
            (count * 255f / (CELLS * CELLS)).roundToInt()
        }
    }
}

private class Line(val x0: Float, val y0: Float, val x1: Float, val y1: Float) {
    val dx: Float get() = x1 - x0
    val dy: Float get() = y1 - y0
    val length: Double get() = sqrt(square(dx) + square(dy))
    val middleX: Double get() = (x0 + x1) / 2.0
    val middleY: Double get() = (y0 + y1) / 2.0

    fun map(newX: (Float, Float) -> Float, newY: (Float, Float) -> Float): Line =
        Line(newX(x0, y0), newY(x0, y0), newX(x1, y1), newY(x1, y1))

    /** Returns the square of a point's distance from the nearest point of the line. */
    fun squaredDistance(x: Float, y: Float): Double {
        val whole = square(dx) + square(dy)
        val along = if (whole == 0.0) 0.0 else ((x - x0) * dx + (y - y0) * dy) / whole
        val share = along.coerceIn(0.0, 1.0)
        return square(x0 + share * dx - x) + square(y0 + share * dy - y)
    }
}

private fun square(value: Float): Double = square(value.toDouble())

private fun square(value: Double): Double = value * value
