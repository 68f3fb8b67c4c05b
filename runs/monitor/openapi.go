package monitor

import (
	_ "embed"
	"net/http"
)

//go:embed openapi.json
var openAPIDocument string

// openAPI answers with the description of the API, which is public: it is the
// same for every host.
func openAPI(w http.ResponseWriter, _ *http.Request) {
	writeBody(w, http.StatusOK, "application/json", []byte(openAPIDocument))
}
