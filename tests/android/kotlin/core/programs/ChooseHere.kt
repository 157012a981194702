package com.example.digits

import com.example.digits.Accelerator.GPU
import java.io.File

/**
 * Creates the model in a process of its own and writes the choice.
 *
 * The arguments are the memory's folder and what the driver does: it `works`, `ends` the app, or
 * `waits` until there is a file `go` in the folder. The file `begun` says that it has begun.
 */
internal fun main(arguments: Array<String>) {
    val (folder, driver) = arguments
    val app = FakeApp(File(folder))
    val onLoad = {
        File(folder, "begun").createNewFile()
        if (driver == "ends") Runtime.getRuntime().halt(139)
        while (driver == "waits" && !File(folder, "go").exists()) Thread.sleep(1)
    }
    app[GPU] = Behaviour(nanos = 1, onLoad = onLoad)
    File(folder, "started to $driver").createNewFile()
    val choice = app.choose()
    println("${choice.accelerator} remembered=${choice.remembered} ${choice.reasonOf(GPU)}")
}
