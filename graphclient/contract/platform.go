package contract

import "strings"

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

// platformOf returns the platform that an enum value, a list of them, or the
// name of a type speaks of.
func platformOf(s string) Platform {
	found := NoPlatform
	for part := range strings.SplitSeq(strings.ToLower(s), ",") {
		p := onePlatform(part)
		switch {
		case p == NoPlatform:
		case found == NoPlatform:
			found = p
		case found != p:
			return MultiPlatform
		}
	}
	return found
}

// onePlatform looks for the words that Graph uses, the unmistakable first.
func onePlatform(s string) Platform {
	if s == "all" {
		return MultiPlatform
	}
	for _, w := range []struct {
		word     string
		platform Platform
	}{
		{"allplatforms", MultiPlatform},
		{"macos", MacOS}, // before Office, which is for Windows where nothing else is said
		{"windows", Windows},
		{"win32", Windows},
		{"winget", Windows},
		{"microsoftstoreforbusiness", Windows},
		{"officesuite", Windows},
		{"editionupgrade", Windows},
		{"sharedpc", Windows},
		{"visionos", VisionOS},
		{"tvos", TvOS},
		{"android", Android},
		{"aosp", Android},
		{"ios", IOS},
		{"linux", Linux},
	} {
		if strings.Contains(s, w.word) {
			return w.platform
		}
	}
	return NoPlatform
}
