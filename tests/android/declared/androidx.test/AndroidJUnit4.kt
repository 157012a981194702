package androidx.test.ext.junit.runners

import org.junit.runner.Description
import org.junit.runner.Runner
import org.junit.runner.manipulation.Filter
import org.junit.runner.manipulation.Filterable
import org.junit.runner.manipulation.Sortable
import org.junit.runner.manipulation.Sorter
import org.junit.runner.notification.RunNotifier

/** Away from a device the published class takes Robolectric's runner too. */
class AndroidJUnit4(klass: Class<*>) : Runner(), Filterable, Sortable {
    private val delegate =
        Class.forName("org.robolectric.RobolectricTestRunner")
            .getConstructor(Class::class.java)
            .newInstance(klass) as Runner

    override fun getDescription(): Description = delegate.description

    override fun run(runNotifier: RunNotifier) {
        delegate.run(runNotifier)
    }

    override fun filter(filter: Filter) {
        (delegate as Filterable).filter(filter)
    }

    override fun sort(sorter: Sorter) {
        (delegate as Sortable).sort(sorter)
    }
}
