// Package smtpnotify sends notifications as mail.
//
// Every mail has a text and an HTML part in English or German, with a link to
// the run. Its Message-ID follows from the delivery, so that an attempt that is
// made again brings the same mail again, which mail systems can recognise.
//
// The server is spoken to with TLS of a verified certificate, unless that is
// switched off. Of what the server says nothing is kept or logged but its codes.
package smtpnotify
