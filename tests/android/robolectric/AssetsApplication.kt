package mobilekit.robolectric

import android.app.Application
import android.content.Context
import android.content.res.AssetManager

/** An app whose assets are those in a package (APK) that a system property names, if it does. */
public class AssetsApplication : Application() {
    override fun attachBaseContext(base: Context) {
        super.attachBaseContext(base)
        val assets = System.getProperty("mobilekit.assets") ?: return
        val cookie =
            AssetManager::class
                .java
                .getMethod("addAssetPath", String::class.java)
                .invoke(base.assets, assets)
        check(cookie != 0) { "$assets cannot be read" }
    }
}
