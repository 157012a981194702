package com.example.digits.demo

import android.app.Activity
import android.os.Bundle
import android.view.View
import android.view.ViewGroup
import android.widget.Button
import android.widget.ProgressBar
import android.widget.TextView
import com.example.digits.Accelerator
import kotlinx.coroutines.MainScope
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch

/** Times every accelerator of the module, one after another. */
public class BenchmarkActivity : Activity() {
    private val scope = MainScope()
    private val results = mutableMapOf<Accelerator, BenchmarkResult>()
    private val rows = mutableMapOf<Accelerator, View>()

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        setContentView(R.layout.activity_benchmark)
        setActionBar(view(R.id.toolbar))
        actionBar?.setDisplayHomeAsUpEnabled(true)

        val list = view<ViewGroup>(R.id.rows)
        for (accelerator in Accelerator.entries) {
            val row = layoutInflater.inflate(R.layout.benchmark_row, list, false)
            row.view<TextView>(R.id.name).text = accelerator.name
            // Every row has views of the same ids; what they show is kept in `results`.
            row.isSaveFromParentEnabled = false
            list.addView(row)
            rows[accelerator] = row
        }
        view<Button>(R.id.run_again).setOnClickListener {
            results.clear()
            runTheRest()
        }
        savedInstanceState?.let { results += BenchmarkResults.restore(it) }
        runTheRest()
    }

    override fun onSaveInstanceState(outState: Bundle) {
        super.onSaveInstanceState(outState)
        BenchmarkResults.save(results, outState)
    }

    override fun onDestroy() {
        scope.cancel()
        super.onDestroy()
    }

    override fun onNavigateUp(): Boolean {
        finish()
        return true
    }

    /** Times the accelerators that have no result yet. */
    private fun runTheRest() {
        showAll()
        val again = view<Button>(R.id.run_again)
        again.isEnabled = rows.keys == results.keys
        if (again.isEnabled) return
        scope.launch {
            for ((accelerator, row) in rows - results.keys) {
                row.view<TextView>(R.id.result).setText(R.string.benchmark_running)
                row.bar.isIndeterminate = true
                results[accelerator] = benchmark(applicationContext, accelerator)
                showAll()
            }
            again.isEnabled = true
        }
    }

    private fun showAll() {
        val timed = results.values.filterIsInstance<BenchmarkResult.Timed>()
        val slowest = timed.maxOfOrNull { it.medianMillis }
        for ((accelerator, row) in rows) {
            row.bar.isIndeterminate = false
            row.bar.progress = 0
            when (val result = results[accelerator]) {
                is BenchmarkResult.Timed -> show(row, result, slowest ?: result.medianMillis)
                is BenchmarkResult.Unusable -> {
                    show(row, getString(R.string.benchmark_unusable), result.reason)
                }
                null -> show(row, getString(R.string.benchmark_waiting), details = null)
            }
        }
    }

    private fun show(row: View, timed: BenchmarkResult.Timed, slowest: Double) {
        val details = getString(
            R.string.benchmark_details,
            timed.calls,
            milliseconds(timed.slowMillis),
            milliseconds(timed.readyMillis),
        )
        val doubt = timed.doubt?.let { getString(R.string.benchmark_unproven, it) }
        show(
            row,
            getString(R.string.benchmark_median, milliseconds(timed.medianMillis)),
            listOfNotNull(details, doubt).joinToString("\n"),
        )
        row.bar.progress = (row.bar.max * timed.medianMillis / slowest).toInt()
    }

    private fun show(row: View, result: String, details: String?) {
        row.view<TextView>(R.id.result).text = result
        val view = row.view<TextView>(R.id.details)
        view.text = details
        view.visibility = if (details == null) View.GONE else View.VISIBLE
    }

    private val View.bar: ProgressBar get() = view(R.id.bar)
}
