package com.example.digits.demo

import android.app.Activity
import android.content.Intent
import android.graphics.drawable.BitmapDrawable
import android.os.Bundle
import android.view.Menu
import android.view.MenuItem
import android.widget.Button
import android.widget.ImageView
import android.widget.TextView
import com.example.digits.CorruptedModelException
import com.example.digits.ModelRunException
import java.text.NumberFormat
import kotlinx.coroutines.MainScope
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch

/** Draw a digit, and see which one the model takes it for, how fast, and on what. */
public class DrawActivity : Activity() {
    private val scope = MainScope()

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        setContentView(R.layout.activity_draw)
        setActionBar(view(R.id.toolbar))

        val recogniser = Recogniser({ ModelReader.open(applicationContext) })
        val paper = view<DrawingView>(R.id.paper)
        val clear = view<Button>(R.id.clear)
        paper.onChange = { drawing ->
            clear.isEnabled = !drawing.isEmpty
            recogniser.recognise(drawing)
        }
        clear.setOnClickListener { paper.clear() }
        scope.launch {
            try {
                recogniser.recognitions.collect(::show)
            } catch (error: ModelRunException) {
                showFailure(error)
            } catch (error: CorruptedModelException) {
                showFailure(error)
            }
        }
    }

    /** Closes the model too, as soon as the call that is under way has ended. */
    override fun onDestroy() {
        scope.cancel()
        super.onDestroy()
    }

    override fun onCreateOptionsMenu(menu: Menu): Boolean {
        menuInflater.inflate(R.menu.draw, menu)
        return true
    }

    override fun onOptionsItemSelected(item: MenuItem): Boolean {
        if (item.itemId != R.id.benchmark) return super.onOptionsItemSelected(item)
        startActivity(Intent(this, BenchmarkActivity::class.java))
        return true
    }

    private fun show(recognition: Recognition) {
        when (recognition) {
            is Recognition.Ready -> show(recognition.choice)
            is Recognition.Nothing -> showNothing()
            is Recognition.Read -> show(recognition)
        }
    }

    private fun show(choice: Choice) {
        text(R.id.accelerator).text =
            getString(R.string.runs_on, choice.accelerator, choice.variant)
        text(R.id.reason).text = choice.reason
    }

    private fun showNothing() {
        showLabel(getString(R.string.no_digit), description = null)
        text(R.id.score).setText(R.string.draw_a_digit)
        text(R.id.latency).text = null
        view<ImageView>(R.id.image).setImageDrawable(null)
    }

    private fun show(read: Recognition.Read) {
        val label = read.reading.label
        showLabel(label, description = getString(R.string.looks_like, label))
        val score = NumberFormat.getPercentInstance().format(read.reading.score.toDouble())
        text(R.id.score).text = getString(R.string.score, score)
        text(R.id.latency).text = getString(R.string.latency, milliseconds(read.millis))
        // Its pixels are shown as they are, large and sharp.
        val image = BitmapDrawable(resources, read.image.toBitmap())
        image.isFilterBitmap = false
        view<ImageView>(R.id.image).setImageDrawable(image)
    }

    /** Changes the label only where it is another one: a screen reader announces every change. */
    private fun showLabel(label: String, description: String?) {
        val view = text(R.id.label)
        if (view.text.toString() == label) return
        view.text = label
        view.contentDescription = description
    }

    private fun showFailure(error: Exception) {
        text(R.id.accelerator).setText(R.string.failed)
        text(R.id.reason).text = error.message
    }

    private fun text(id: Int): TextView = view(id)
}
