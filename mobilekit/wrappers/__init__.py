"""The code that apps call: a Kotlin module and a Swift package, generated from one description."""
