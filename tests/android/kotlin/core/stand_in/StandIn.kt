package com.example.digits

import android.content.Context

/** Where these tests put the engines that they bring along. */
internal lateinit var standIn: EngineLoader

/** Stands in for a runtime's own. */
internal fun engineLoader(context: Context): EngineLoader = standIn.also { context.packageName }
