package canonjson

import "strconv"

// Numbers whose exponent, with one digit before the point, lies between these
// are written without it. They are those of ECMAScript and RFC 8785.
const (
	minPlain = -7
	maxPlain = 20
)

// number reads a number and appends its canonical form.
func (e *Encoder) number() error {
	start := e.pos
	neg := e.skip('-')
	whole := e.pos
	// A leading zero stands alone.
	if !e.skip('0') && e.digits() == 0 {
		return e.fail(e.pos, ErrSyntax)
	}
	n := e.pos - whole
	if e.pos == len(e.src) || e.src[e.pos]|' ' != 'e' && e.src[e.pos] != '.' {
		if n <= maxPlain+1 && (e.src[whole] != '0' || !neg) { // nearly all numbers
			e.dst = append(e.dst, e.src[start:e.pos]...)
			return nil
		}
	}
	point := e.pos
	if e.skip('.') && e.digits() == 0 {
		return e.fail(e.pos, ErrSyntax)
	}
	stop := e.pos
	exp, ok := int64(0), true
	if e.skip('e') || e.skip('E') {
		minus := e.skip('-')
		if !minus {
			e.skip('+')
		}
		from := e.pos
		if e.digits() == 0 {
			return e.fail(e.pos, ErrSyntax)
		}
		if exp, ok = smallInt(e.src[from:e.pos]); minus {
			exp = -exp
		}
	}
	digits, shift := e.significant(e.src[whole:point], e.src[point:stop])
	if len(digits) == 0 {
		e.dst = append(e.dst, '0') // whatever its sign and exponent
		return nil
	}
	exp += shift
	if !ok || exp < -MaxExponent || exp > MaxExponent {
		return e.fail(start, ErrRange)
	}
	if neg {
		e.dst = append(e.dst, '-')
	}
	e.decimal(digits, int(exp))
	return nil
}

func (e *Encoder) skip(c byte) bool {
	if e.pos < len(e.src) && e.src[e.pos] == c {
		e.pos++
		return true
	}
	return false
}

// digits skips digits and returns how many there were.
func (e *Encoder) digits() int {
	from := e.pos
	for e.pos < len(e.src) && '0' <= e.src[e.pos] && e.src[e.pos] <= '9' {
		e.pos++
	}
	return e.pos - from
}

// smallInt returns the value of digits, or false if it needs more than 18 of
// them; leading zeros do not count.
func smallInt(digits []byte) (int64, bool) {
	var n int64
	for _, c := range digits {
		if n >= 1e17 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// significant returns the digits of a number from the first to the last that is
// not 0, without the point, and the exponent that the number has with the point
// after the first of them. Whole is the part before the point; frac, which may
// be empty, begins with the point. No digits are left of 0.
func (e *Encoder) significant(whole, frac []byte) (digits []byte, exp int64) {
	exp = int64(len(whole)) - 1
	if len(frac) > 0 {
		frac = frac[1:]
	}
	digits = whole
	if len(frac) > 0 {
		e.num = append(append(e.num[:0], whole...), frac...)
		digits = e.num
	}
	for len(digits) > 0 && digits[0] == '0' {
		digits = digits[1:]
		exp--
	}
	for len(digits) > 0 && digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
	}
	return digits, exp
}

// decimal appends d.ddd × 10^exp.
func (e *Encoder) decimal(digits []byte, exp int) {
	const zeros = "00000000000000000000"
	switch {
	case exp < minPlain || exp > maxPlain:
		e.dst = append(e.dst, digits[0])
		if len(digits) > 1 {
			e.dst = append(append(e.dst, '.'), digits[1:]...)
		}
		e.dst = strconv.AppendInt(append(e.dst, 'e'), int64(exp), 10)
	case exp < 0:
		e.dst = append(e.dst, "0."...)
		e.dst = append(append(e.dst, zeros[:-exp-1]...), digits...)
	case exp >= len(digits)-1:
		e.dst = append(append(e.dst, digits...), zeros[:exp-len(digits)+1]...)
	default:
		e.dst = append(e.dst, digits[:exp+1]...)
		e.dst = append(append(e.dst, '.'), digits[exp+1:]...)
	}
}
