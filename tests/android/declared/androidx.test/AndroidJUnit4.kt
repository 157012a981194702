package androidx.test.ext.junit.runners

import org.junit.runner.Description
import org.junit.runner.Runner
import org.junit.runner.manipulation.Filter
import org.junit.runner.manipulation.Filterable
import org.junit.runner.manipulation.Sortable
import org.junit.runner.manipulation.Sorter
import org.junit.runner.notification.RunNotifier
import org.junit.runners.BlockJUnit4ClassRunner

class AndroidJUnit4(klass: Class<*>) : Runner(), Filterable, Sortable {
    private val delegate = BlockJUnit4ClassRunner(klass)

    override fun getDescription(): Description = delegate.description

    override fun run(runNotifier: RunNotifier) {
        delegate.run(runNotifier)
    }

    override fun filter(filter: Filter) {
        delegate.filter(filter)
    }

    override fun sort(sorter: Sorter) {
        delegate.sort(sorter)
    }
}
