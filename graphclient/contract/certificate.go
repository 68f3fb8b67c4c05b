package contract

// A navigation is a reference of a configuration profile that its JSON does
// not show: it has to be asked for by a path of its own, below the object's
// type. A copy of the JSON alone loses it.
type navigation struct {
	name   string
	many   bool
	target string   // what it leads to
	odata  []string // the types that have it
}

func navigations() []navigation {
	const root, identity = "trustedRootCertificate", "scepPkcsCertificate"
	return []navigation{
		{name: "rootCertificate", target: root, odata: []string{
			"android*CertificateProfile", "aosp*CertificateProfile", "iosScepCertificateProfile",
			"macOSScepCertificateProfile", "windows81SCEPCertificateProfile", "windowsPhone81SCEPCertificateProfile",
		}},
		{name: "rootCertificateForServerValidation", target: root, odata: []string{
			"android*EnterpriseWiFiConfiguration", "aospDeviceOwnerEnterpriseWiFiConfiguration",
			"macOSEnterpriseWiFiConfiguration", "iosWiredNetworkConfiguration", "macOSWiredNetworkConfiguration",
		}},
		{name: "rootCertificatesForServerValidation", many: true, target: root, odata: []string{
			"androidDeviceOwnerEnterpriseWiFiConfiguration", "iosEnterpriseWiFiConfiguration",
			"macOSEnterpriseWiFiConfiguration", "windowsWifiEnterpriseEAPConfiguration",
			"windowsWiredNetworkConfiguration", "windowsZtdnsConfiguration",
		}},
		{name: "rootCertificateForClientValidation", target: root, odata: []string{
			"windowsWifiEnterpriseEAPConfiguration", "windowsWiredNetworkConfiguration",
		}},
		{name: "rootCertificatesForClientValidation", many: true, target: root, odata: []string{"windowsZtdnsConfiguration"}},
		{name: "secondaryRootCertificateForClientValidation", target: root, odata: []string{"windowsWiredNetworkConfiguration"}},
		{name: "identityCertificate", target: identity, odata: []string{
			"android*VpnConfiguration", "androidEasEmailProfileConfiguration", "android*GmailEasConfiguration",
			"android*NineWorkEasConfiguration", "iosEasEmailProfileConfiguration", "iosVpnConfiguration",
			"iosikEv2VpnConfiguration", "macOSVpnConfiguration", "windows10VpnConfiguration", "windowsPhone81VpnConfiguration",
		}},
		{name: "identityCertificateForClientAuthentication", target: identity, odata: []string{
			"*EnterpriseWiFiConfiguration", "windowsWifiEnterpriseEAPConfiguration", "*WiredNetworkConfiguration",
			"iosDeviceFeaturesConfiguration",
		}},
		{name: "secondaryIdentityCertificateForClientAuthentication", target: identity, odata: []string{"windowsWiredNetworkConfiguration"}},
		{name: "smimeSigningCertificate", target: identity, odata: []string{
			"androidEasEmailProfileConfiguration", "iosEasEmailProfileConfiguration",
		}},
		{name: "smimeEncryptionCertificate", target: identity, odata: []string{"iosEasEmailProfileConfiguration"}},
		{name: "singleSignOnExtensionPkinitCertificate", target: identity, odata: []string{
			"iosDeviceFeaturesConfiguration", "macOSDeviceFeaturesConfiguration",
		}},
		{name: "derivedCredentialSettings", target: TargetDerivedCredential, odata: []string{
			"androidDeviceOwnerEnterpriseWiFiConfiguration", "androidDeviceOwnerVpnConfiguration",
			"iosEasEmailProfileConfiguration", "iosEnterpriseWiFiConfiguration", "iosVpnConfiguration",
			"iosikEv2VpnConfiguration", "*DerivedCredentialAuthenticationConfiguration",
		}},
		{name: "networkAccessConfigurations", many: true, target: "deviceConfiguration", odata: []string{"windowsDomainJoinConfiguration"}},
	}
}

// navigationChildren returns the navigations as children of an object. What
// is kept of their targets is which one it is.
func navigationChildren() []Child {
	var out []Child
	for _, n := range navigations() {
		out = append(out, Child{
			Name: n.name, Path: "{type}/" + n.name, Query: "$select=id,displayName",
			Single: !n.many, OData: n.odata,
		})
	}
	return out
}

// navigationNoise leaves the names of the targets out of a comparison.
func navigationNoise() []string {
	var out []string
	for _, n := range navigations() {
		out = append(out, n.name+".displayName")
	}
	return out
}

func navigationSets() []string {
	var out []string
	for _, n := range navigations() {
		if n.many {
			out = append(out, n.name)
		}
	}
	return out
}

// navigationLinks returns where the targets are found: in a child, or bound by
// the document as somebody exported it.
func navigationLinks() []link {
	var out []link
	for _, n := range navigations() {
		out = append(out,
			link{path: n.name + ".id", target: n.target, name: "displayName"},
			link{path: n.name + "@odata.bind", target: n.target, bound: true})
	}
	return out
}

func navigationBinds() map[string]string {
	out := map[string]string{}
	for _, n := range navigations() {
		if n.target == TargetDerivedCredential {
			out[n.name] = "/deviceManagement/derivedCredentials"
		} else {
			out[n.name] = deviceConfigurations()[0].Path
		}
	}
	return out
}

// certificateTypes returns the profiles that are certificates or need one.
func certificateTypes() []Type {
	all := []Type{
		{
			Key: "trustedRootCertificate", Title: "Trusted root certificates",
			OData:  []string{"*TrustedRootCertificate"},
			Write:  Write{Shape: WritePatch},
			Order:  90,
			Source: "CSDL windows81TrustedRootCertificate and its like; IM: what needs a certificate comes after it",
		},
		{
			Key: "scepPkcsCertificate", Title: "SCEP, PKCS and imported PFX certificates",
			OData: []string{
				"*ScepCertificateProfile", "*SCEPCertificateProfile", "*PkcsCertificateProfile",
				"*PFXCertificateProfile", "*PFXImportCertificateProfile",
			},
			Write:  Write{Shape: WriteBinding, Strip: []string{"managedDeviceCertificateStates"}},
			Order:  92,
			Source: "M365DSC SCEP and PKCS resources; CSDL navigation rootCertificate",
			noise:  []string{"managedDeviceCertificateStates"},
		},
		{
			Key: "wifiVpnEmail", Title: "Wi-Fi, wired, VPN and email profiles",
			OData: []string{
				"*WiFiConfiguration", "*WifiConfiguration", "*WifiImportConfiguration", "*WifiEnterpriseEAPConfiguration",
				"*WiredNetworkConfiguration", "*VpnConfiguration", "*EasEmailProfile*", "*EASEmailProfile*", "*EasConfiguration",
			},
			Write:  Write{Shape: WriteBinding},
			Order:  95,
			Source: "CSDL; M365DSC Wi-Fi and VPN resources",
		},
	}
	for i := range all {
		t := &all[i]
		if t.Write.Shape == WriteBinding {
			t.withNavigations()
		}
		*t = profile(*t)
	}
	return all
}

// withNavigations adds what t has to know about navigations.
func (t *Type) withNavigations() {
	t.Read.Children = append(t.Read.Children, navigationChildren()...)
	t.Write.Binds = navigationBinds()
	t.noise = append(t.noise, navigationNoise()...)
	t.sets = append(t.sets, navigationSets()...)
	t.links = append(t.links, navigationLinks()...)
}
