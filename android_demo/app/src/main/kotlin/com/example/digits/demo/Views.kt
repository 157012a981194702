package com.example.digits.demo

import android.app.Activity
import android.view.View

/** Returns a view that the layout has to hold. (`requireViewById` came with Android 9.) */
internal fun <T : View> Activity.view(id: Int): T =
    checkNotNull(findViewById<T>(id)) { "The layout lacks ${resources.getResourceName(id)}." }

/** Returns a view that has to be within this one. */
internal fun <T : View> View.view(id: Int): T =
    checkNotNull(findViewById<T>(id)) { "The layout lacks ${resources.getResourceName(id)}." }
