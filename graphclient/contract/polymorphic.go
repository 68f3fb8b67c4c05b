package contract

import "slices"

// isPolymorphic reports whether values of the property of that name can be of
// several types, so that their @odata.type is content. Everywhere else Graph
// sends it or not, depending on the metadata level.
func isPolymorphic(property string) bool {
	_, found := slices.BinarySearch(polymorphic, property)
	return found
}

// isDeclared reports whether name is a type that properties declare as it
// stands, so that its name too depends on the metadata level.
func isDeclared(name string) bool {
	_, found := slices.BinarySearch(declared, name)
	return found
}

// polymorphic is sorted, and held against the metadata by a test. It leaves
// out what is compared by its id alone.
var polymorphic = []string{
	"allowedAppsList", "appConfiguration", "appDetail", "apps", "appsHideList",
	"appsInstallAllowList", "appsLaunchBlockList", "appsSingleAppModeList", "appsVisibilityList",
	"azureAdSharedDeviceDataClearApps", "bandwidthMode", "children", "combinationConfigurations",
	"compliantAppsList", "configurations", "contentCachingClientListenRanges",
	"contentCachingPeerFilterRanges", "contentCachingPeerListenRanges", "contentCachingPublicRanges",
	"contentFilterSettings", "detectionRules", "detectionScriptParameters",
	"edgeHomeButtonConfiguration", "edgeSearchEngine", "enterpriseIPRanges", "exemptApps",
	"externalTenants", "globalProxy", "groupIdSource", "homeScreenDockIcons", "icons",
	"installationSchedule", "iosSingleSignOnExtension", "ipRanges", "item", "items", "kioskModeApps",
	"macOSSingleSignOnExtension", "managedApps", "maximumCacheSize", "mobileAppIdentifier",
	"omaSettings", "personalProfilePersonalApplications", "presentationValues",
	"protectedApps", "proxyServer", "ranges", "relationships", "remediationScriptParameters",
	"requirementRules", "restrictedApps", "rules", "runSchedule", "settingInstance", "settings",
	"simpleSettingCollectionValue", "simpleSettingValue", "singleSignOnExtension", "target",
	"targetedMobileApps", "tokenActionResults", "userAccountsConfiguration", "value",
}

// declared is sorted, and held against the metadata by a test. Three of its
// types also stand for a more general one somewhere; their properties tell
// them apart there.
var declared = []string{
	"appConfigurationSettingItem", "appListItem", "deviceManagementConfigurationSetting",
	"groupPolicyPresentation", "groupPolicyPresentationDropdownListItem",
	"groupPolicyPresentationValue", "iosHomeScreenApp", "managedMobileApp", "vpnProxyServer",
	"vppTokenActionResult", "windows10VpnProxyServer", "windows81VpnProxyServer",
	"windowsInformationProtectionIPRangeCollection",
}
