plugins {
    alias(libs.plugins.android.application)
}

android {
    namespace = "com.example.digits.demo"
    compileSdk = 36

    defaultConfig {
        applicationId = "com.example.digits.demo"
        minSdk = 24
        targetSdk = 36
        versionCode = 1
        versionName = "1.0"
    }

    buildTypes {
        release {
            isMinifyEnabled = true
            isShrinkResources = true
            proguardFiles(getDefaultProguardFile("proguard-android-optimize.txt"))
        }
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
}

kotlin {
    compilerOptions {
        allWarningsAsErrors = true
    }
}

dependencies {
    implementation(project(":digits"))
    implementation(libs.coroutines.android)

    testImplementation(libs.junit)
}
