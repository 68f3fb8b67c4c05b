package runs

// OutcomeOf names the outcome of a run whose handler returned without an
// error: no failure is a success, also when there was nothing to do or all of
// it was skipped; failures beside at least one success are a partial success;
// failures alone are a failure. Negative counts are read as none.
func OutcomeOf(c Counts) Outcome {
	switch {
	case c.Failed <= 0:
		return OutcomeSucceeded
	case c.Succeeded > 0:
		return OutcomePartiallySucceeded
	default:
		return OutcomeFailed
	}
}
