package com.example.models

import org.junit.Assert.assertEquals
import org.junit.Test
import java.io.DataInputStream

/** Against values that Python's `quantised_values` gave. */
public class QuantisationTest {
    @Test
    public fun everyValueIsStoredAndReadAsInPython() {
        var cases = 0
        DataInputStream(Here.open("quantised_values.bin").buffered()).use { file ->
            repeat(file.readInt()) {
                val scale = file.readFloat()
                val (zeroPoint, lowest, highest) = List(3) { file.readInt() }
                val quantisation = Quantisation(scale, zeroPoint, lowest, highest)
                repeat(file.readInt()) {
                    val real = file.readFloat()
                    val stored = file.readInt()
                    val back = file.readFloat()
                    assertEquals("$real by $scale", stored, quantisation.stored(real))
                    assertEquals("$stored by $scale", back, quantisation.real(stored), 0f)
                    cases++
                }
            }
        }
        check(cases > 0)
    }

    @Test
    public fun sixteenBitsAreConvertedToo() {
        val stored = StoredTensor("x", 0, DType.INT16, scale = 0.5f)
        val tensor = InterpreterTensor("Input 'x'", stored, 4)
        tensor.write(floatArrayOf(0.75f, -617.3f, 1e5f, -1e5f))
        val shorts = tensor.buffer.asShortBuffer()
        assertEquals(listOf<Short>(2, -1235, 32767, -32768), List(4) { shorts[it] })
        val back = FloatArray(4).also(tensor::read)
        assertEquals(listOf(1f, -617.5f, 16383.5f, -16384f), back.toList())
    }
}
