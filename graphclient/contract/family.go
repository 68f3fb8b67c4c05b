package contract

import (
	"slices"
	"strings"
)

// Support returns how far restore goes with an object of t that says to be of the
// given type, with or without "#microsoft.graph."; empty means that it does not
// say. If that is not all the way, it says why, in words that people can be shown
// after a colon. [Write.Support] is that of the type as a whole.
//
// An object of a type that nobody has heard of is compared as what it looks like,
// and not written: what a request for one has to hold is not known.
func (t *Type) Support(odataType string) (Support, string) {
	name := odataName(odataType)
	for _, e := range t.Write.Except {
		if matchAny(e.OData, name) {
			return e.Support, e.Reason
		}
	}
	switch {
	case t.Write.Support != Restorable:
		return t.Write.Support, t.Write.Reason
	case name == "" && !t.untyped():
		return PreviewOnly, "it does not say of which type it is, and the service creates none without an @odata.type; capture it again, or create it by hand"
	case name != "" && !t.knows(name):
		return PreviewOnly, "this version does not know the type" + quoted(name) + "; what was captured is kept, for a version that does, or to create it by hand"
	}
	return Restorable, ""
}

// knows reports whether objects of t can be of the type of that name: because t
// or the metadata names it.
func (t *Type) knows(name string) bool {
	if slices.Contains(t.OData, name) && !strings.Contains(name, "*") {
		return true
	}
	return slices.ContainsFunc(t.Lists, func(l List) bool {
		_, found := slices.BinarySearch(families[l.Path].types, name)
		return found
	})
}

// untyped reports whether an object of t that does not say its type has one all the
// same: that of its list.
func (t *Type) untyped() bool {
	return t.plain || slices.ContainsFunc(t.Lists, func(l List) bool { return families[l.Path].declared != "" })
}

// quoted returns the name of a type as part of a sentence; nothing for what cannot
// be one.
func quoted(name string) string {
	other := func(r rune) bool {
		return r != '.' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}
	if len(name) > 128 || strings.ContainsFunc(name, other) {
		return ""
	}
	return " " + name
}

// A family is the types of a collection that can hold objects of several.
type family struct {
	declared string   // what an object is that does not say; empty if there is no such object
	types    []string // all of them, sorted
}

// families are the collections that Graph's metadata declares with a type that
// others derive from. They are held against it by a test.
var families = map[string]family{
	"/deviceAppManagement/managedEBooks": {types: []string{
		"iosVppEBook",
	}},
	"/deviceAppManagement/mobileAppConfigurations": {types: []string{
		"androidForWorkMobileAppConfiguration", "androidManagedStoreAppConfiguration",
		"iosMobileAppConfiguration",
	}},
	"/deviceAppManagement/mobileApps": {types: []string{
		"androidAospReferencedApp", "androidForWorkApp", "androidLobApp", "androidManagedStoreApp",
		"androidManagedStoreWebApp", "androidStoreApp", "iosLobApp", "iosStoreApp", "iosVppApp",
		"iosiPadOSWebClip", "macOSDmgApp", "macOSLobApp", "macOSMdatpApp", "macOSMicrosoftDefenderApp",
		"macOSMicrosoftEdgeApp", "macOSOfficeSuiteApp", "macOSPkgApp", "macOSWebClip", "macOsVppApp",
		"managedAndroidLobApp", "managedAndroidStoreApp", "managedIOSLobApp", "managedIOSStoreApp",
		"microsoftStoreForBusinessApp", "officeSuiteApp", "webApp", "win32CatalogApp", "win32LobApp",
		"winGetApp", "windowsAppX", "windowsAutoUpdateCatalogApp", "windowsMicrosoftEdgeApp",
		"windowsMobileMSI", "windowsPhone81AppX", "windowsPhone81AppXBundle", "windowsPhone81StoreApp",
		"windowsPhoneXAP", "windowsStoreApp", "windowsUniversalAppX", "windowsWebApp",
	}},
	"/deviceAppManagement/mobileApps/{parent}/relationships": {types: []string{
		"mobileAppDependency", "mobileAppSupersedence",
	}},
	"/deviceManagement/assignmentFilters": {declared: "deviceAndAppManagementAssignmentFilter", types: []string{
		"deviceAndAppManagementAssignmentFilter", "payloadCompatibleAssignmentFilter",
	}},
	"/deviceManagement/depOnboardingSettings/{parent}/enrollmentProfiles": {declared: "enrollmentProfile", types: []string{
		"depEnrollmentProfile", "depIOSEnrollmentProfile", "depMacOSEnrollmentProfile",
		"depTvOSEnrollmentProfile", "depVisionOSEnrollmentProfile", "enrollmentProfile",
	}},
	"/deviceManagement/deviceCompliancePolicies": {types: []string{
		"androidCompliancePolicy", "androidDeviceOwnerCompliancePolicy", "androidForWorkCompliancePolicy",
		"androidWorkProfileCompliancePolicy", "aospDeviceOwnerCompliancePolicy",
		"defaultDeviceCompliancePolicy", "iosCompliancePolicy", "macOSCompliancePolicy",
		"windows10CompliancePolicy", "windows10MobileCompliancePolicy", "windows81CompliancePolicy",
		"windowsPhone81CompliancePolicy",
	}},
	"/deviceManagement/deviceConfigurations": {types: []string{
		"androidCustomConfiguration", "androidDeviceOwnerDerivedCredentialAuthenticationConfiguration",
		"androidDeviceOwnerEnterpriseWiFiConfiguration", "androidDeviceOwnerGeneralDeviceConfiguration",
		"androidDeviceOwnerImportedPFXCertificateProfile", "androidDeviceOwnerPkcsCertificateProfile",
		"androidDeviceOwnerScepCertificateProfile", "androidDeviceOwnerTrustedRootCertificate",
		"androidDeviceOwnerVpnConfiguration", "androidDeviceOwnerWiFiConfiguration",
		"androidEasEmailProfileConfiguration", "androidEnterpriseWiFiConfiguration",
		"androidForWorkCustomConfiguration", "androidForWorkEnterpriseWiFiConfiguration",
		"androidForWorkGeneralDeviceConfiguration", "androidForWorkGmailEasConfiguration",
		"androidForWorkImportedPFXCertificateProfile", "androidForWorkNineWorkEasConfiguration",
		"androidForWorkPkcsCertificateProfile", "androidForWorkScepCertificateProfile",
		"androidForWorkTrustedRootCertificate", "androidForWorkVpnConfiguration",
		"androidForWorkWiFiConfiguration", "androidGeneralDeviceConfiguration",
		"androidImportedPFXCertificateProfile", "androidOmaCpConfiguration", "androidPkcsCertificateProfile",
		"androidScepCertificateProfile", "androidTrustedRootCertificate", "androidVpnConfiguration",
		"androidWiFiConfiguration", "androidWorkProfileCustomConfiguration",
		"androidWorkProfileEnterpriseWiFiConfiguration", "androidWorkProfileGeneralDeviceConfiguration",
		"androidWorkProfileGmailEasConfiguration", "androidWorkProfileNineWorkEasConfiguration",
		"androidWorkProfilePkcsCertificateProfile", "androidWorkProfileScepCertificateProfile",
		"androidWorkProfileTrustedRootCertificate", "androidWorkProfileVpnConfiguration",
		"androidWorkProfileWiFiConfiguration", "aospDeviceOwnerDeviceConfiguration",
		"aospDeviceOwnerEnterpriseWiFiConfiguration", "aospDeviceOwnerPkcsCertificateProfile",
		"aospDeviceOwnerScepCertificateProfile", "aospDeviceOwnerTrustedRootCertificate",
		"aospDeviceOwnerWiFiConfiguration", "editionUpgradeConfiguration", "iosCustomConfiguration",
		"iosDerivedCredentialAuthenticationConfiguration", "iosDeviceFeaturesConfiguration",
		"iosEasEmailProfileConfiguration", "iosEduDeviceConfiguration", "iosEducationDeviceConfiguration",
		"iosEnterpriseWiFiConfiguration", "iosExpeditedCheckinConfiguration", "iosGeneralDeviceConfiguration",
		"iosImportedPFXCertificateProfile", "iosPkcsCertificateProfile", "iosScepCertificateProfile",
		"iosTrustedRootCertificate", "iosUpdateConfiguration", "iosVpnConfiguration", "iosWiFiConfiguration",
		"iosWiredNetworkConfiguration", "iosikEv2VpnConfiguration", "macOSCustomAppConfiguration",
		"macOSCustomConfiguration", "macOSDeviceFeaturesConfiguration", "macOSEndpointProtectionConfiguration",
		"macOSEnterpriseWiFiConfiguration", "macOSExtensionsConfiguration", "macOSGeneralDeviceConfiguration",
		"macOSImportedPFXCertificateProfile", "macOSPkcsCertificateProfile", "macOSScepCertificateProfile",
		"macOSSoftwareUpdateConfiguration", "macOSTrustedRootCertificate", "macOSVpnConfiguration",
		"macOSWiFiConfiguration", "macOSWiredNetworkConfiguration", "sharedPCConfiguration",
		"unsupportedDeviceConfiguration", "windows10CustomConfiguration",
		"windows10DeviceFirmwareConfigurationInterface", "windows10EasEmailProfileConfiguration",
		"windows10EndpointProtectionConfiguration", "windows10EnterpriseModernAppManagementConfiguration",
		"windows10GeneralConfiguration", "windows10ImportedPFXCertificateProfile",
		"windows10NetworkBoundaryConfiguration", "windows10PFXImportCertificateProfile",
		"windows10PkcsCertificateProfile", "windows10SecureAssessmentConfiguration",
		"windows10TeamGeneralConfiguration", "windows10VpnConfiguration", "windows81GeneralConfiguration",
		"windows81SCEPCertificateProfile", "windows81TrustedRootCertificate", "windows81VpnConfiguration",
		"windows81WifiImportConfiguration", "windowsDefenderAdvancedThreatProtectionConfiguration",
		"windowsDeliveryOptimizationConfiguration", "windowsDomainJoinConfiguration",
		"windowsHealthMonitoringConfiguration", "windowsIdentityProtectionConfiguration",
		"windowsKioskConfiguration", "windowsPhone81CustomConfiguration", "windowsPhone81GeneralConfiguration",
		"windowsPhone81ImportedPFXCertificateProfile", "windowsPhone81SCEPCertificateProfile",
		"windowsPhone81TrustedRootCertificate", "windowsPhone81VpnConfiguration",
		"windowsPhoneEASEmailProfileConfiguration", "windowsUpdateForBusinessConfiguration",
		"windowsWifiConfiguration", "windowsWifiEnterpriseEAPConfiguration",
		"windowsWiredNetworkConfiguration", "windowsZtdnsConfiguration",
	}},
	"/deviceManagement/deviceEnrollmentConfigurations": {types: []string{
		"deviceComanagementAuthorityConfiguration", "deviceEnrollmentLimitConfiguration",
		"deviceEnrollmentNotificationConfiguration", "deviceEnrollmentPlatformRestrictionConfiguration",
		"deviceEnrollmentPlatformRestrictionsConfiguration",
		"deviceEnrollmentWindowsHelloForBusinessConfiguration",
		"windows10EnrollmentCompletionPageConfiguration", "windowsRestoreDeviceEnrollmentConfiguration",
	}},
	"/deviceManagement/resourceAccessProfiles": {types: []string{
		"windows10XSCEPCertificateProfile", "windows10XTrustedRootCertificate", "windows10XVpnConfiguration",
		"windows10XWifiConfiguration",
	}},
	"/deviceManagement/roleDefinitions": {declared: "roleDefinition", types: []string{
		"deviceAndAppManagementRoleDefinition", "roleDefinition",
	}},
	"/deviceManagement/windowsAutopilotDeploymentProfiles": {types: []string{
		"activeDirectoryWindowsAutopilotDeploymentProfile", "azureADWindowsAutopilotDeploymentProfile",
	}},
	"/identity/conditionalAccess/namedLocations": {types: []string{
		"compliantNetworkNamedLocation", "countryNamedLocation", "ipNamedLocation", "privateLinkNamedLocation",
		"serviceTagNamedLocation",
	}},
}
