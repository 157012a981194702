package com.example.pixels

import java.io.DataInputStream

/** Reads what the tests in Python write of an image input. */
internal fun DataInputStream.readSpec(): ImageSpec {
    val color = ImageColor.valueOf(readUTF())
    return ImageSpec(
        color = color,
        resize = ImageResize.valueOf(readUTF()),
        fit = ImageFit.valueOf(readUTF()),
        dtype = DType.valueOf(readUTF()),
        channelsFirst = readBoolean(),
        height = readInt(),
        width = readInt(),
        scale = FloatArray(color.channels) { readFloat() },
        offset = FloatArray(color.channels) { readFloat() },
        pad = FloatArray(color.channels) { readFloat() },
    )
}
