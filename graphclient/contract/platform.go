package contract

// A Platform is the operating system that an object is for.
type Platform string

// The platforms. NoPlatform means that the object is for none in particular
// or does not say.
const (
	NoPlatform    Platform = ""
	Windows       Platform = "windows"
	MacOS         Platform = "macos"
	IOS           Platform = "ios" // and iPadOS
	Android       Platform = "android"
	Linux         Platform = "linux"
	TvOS          Platform = "tvos"
	VisionOS      Platform = "visionos"
	MultiPlatform Platform = "multi" // several of them
)
