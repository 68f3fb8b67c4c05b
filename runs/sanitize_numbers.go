package runs

import "strings"

// numbers removes phone numbers, and the long numbers that are written in
// groups: those of cards, and recovery keys.
func (s *scrubber) numbers() {
	for i := 0; i < len(s.text); {
		if guidAt(s.text, i) {
			i += guidLen // units judges it as a whole
			continue
		}
		c := s.text[i]
		if !isDigit(c) && c != '+' && c != '(' || i > 0 && (isDigit(s.text[i-1]) || strings.IndexByte("._-", s.text[i-1]) >= 0) {
			i++
			continue
		}
		glued := i > 0 && isLetter(s.text[i-1])
		if n := max(timeLen(s.text[i:]), germanDateLen(s.text[i:])); n > 0 {
			i += n
			continue
		}
		if strings.HasPrefix(s.text[i:], "(+") {
			i++
			continue
		}
		// Other numbers may stand directly before or behind it.
		var room [maxGroups]digitGroup
		groups := digitGroups(s.text[i:], room[:0])
		n := len(groups)
		for n > 0 && (glued || !isDialled(c, groups[:n])) && !isEven(groups[:n]) {
			n--
		}
		switch {
		case n > 0: // and with it what cannot be told apart from its end
			end := i + groups[len(groups)-1].end
			s.remove(i, end)
			i = end
		case len(groups) > 0:
			i += groups[0].end
		default:
			i++
		}
	}
}

func germanDateLen(s string) int {
	return max(match(s, "00.00.0000"), match(s, "00/00/0000"), match(s, "00.00.00 "), match(s, "00-00-0000"))
}

// A digitGroup is a stretch of digits within a text.
type digitGroup struct {
	digits string
	end    int
}

// maxGroups is how many groups the longest numbers have: recovery keys.
const maxGroups = 8

// digitGroups appends to groups the digits that s begins with, split at the few
// marks between them.
func digitGroups(s string, groups []digitGroup) []digitGroup {
	i := 0
	if strings.HasPrefix(s, "+") {
		i++
	}
	for i < len(s) && len(groups) < maxGroups {
		j := i
		for j < len(s) && isDigit(s[j]) {
			j++
		}
		if j == i {
			for j < len(s) && j-i < 3 && strings.IndexByte(" \n()./-", s[j]) >= 0 {
				j++
			}
			if j == i {
				break
			}
			i = j
			continue
		}
		if j-i < 3 && j < len(s) && (isLetter(s[j]) || s[j] == '_') {
			break // an amount, like 10ms
		}
		groups = append(groups, digitGroup{s[i:j], j})
		i = j
	}
	return groups
}

// isEven reports whether the groups are those of a card or of a recovery key,
// which are known by their form even if the text before runs into them.
func isEven(groups []digitGroup) bool {
	for _, g := range groups {
		if n := len(g.digits); n != len(groups[0].digits) || n < 4 {
			return false
		}
	}
	return len(groups) >= 4
}

// isDialled reports whether digits in these groups, after the character first,
// are a phone number or as long as a card's.
func isDialled(first byte, groups []digitGroup) bool {
	digits, short := 0, 20
	for _, g := range groups {
		digits += len(g.digits)
		short = min(short, len(g.digits))
	}
	g := groups[0].digits
	switch {
	case first == '+':
		return digits >= 7
	case digits >= 13 && len(groups) >= 3 && short >= 3:
		return true
	case g[0] == '0' && len(g) >= 3:
		return digits >= 8 && digits <= 15
	case g == "1" && len(groups) == 4:
		groups = groups[1:]
	}
	return len(groups) == 3 && len(groups[0].digits) == 3 && len(groups[1].digits) == 3 && len(groups[2].digits) == 4
}
