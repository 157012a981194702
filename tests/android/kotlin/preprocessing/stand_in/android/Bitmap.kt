package android.graphics

/**
 * A stand-in for Android's class, for a hardware bitmap: Robolectric has none. As on a device its
 * pixels cannot be read, only those of a copy.
 */
class Bitmap(val width: Int, val height: Int, val config: Config?, private val copies: Boolean) {
    enum class Config { ALPHA_8, RGB_565, ARGB_8888, HARDWARE }

    var isRecycled: Boolean = false
        private set

    /** What [copy] gave. */
    val given: MutableList<Bitmap> = mutableListOf()

    fun recycle() {
        isRecycled = true
    }

    @Suppress("UNUSED_PARAMETER")
    fun copy(config: Config, isMutable: Boolean): Bitmap? {
        if (!copies) return null
        return Bitmap(width, height, config, copies).also(given::add)
    }

    fun getPixels(
        pixels: IntArray, offset: Int, stride: Int, x: Int, y: Int, width: Int, height: Int,
    ) {
        check(config != Config.HARDWARE) { "unable to getPixels(), Config#HARDWARE" }
        check(!isRecycled) { "Can't call getPixels() on a recycled bitmap" }
        for (row in 0 until height) {
            for (column in 0 until width) {
                pixels[offset + row * stride + column] = ((y + row) * this.width + x + column)
            }
        }
    }
}
