package smtpnotify

import (
	netmail "net/mail"

	"github.com/tenantatlas/tenantatlas/notify"
)

// Compose returns the whole mail.
func (m *Mailer) Compose(msg notify.Message, to string) ([]byte, error) {
	return m.compose(msg, &netmail.Address{Address: to})
}
