// Serves go-msgauth over stdin and stdout, by the protocol of tests/differential/peers/mail_dkim.pl:
// a request is a line of words and octets of the length it ends with, an answer a line
// "SECONDS LENGTH" (CPU time of all repetitions) and octets; a fault is "!why".
package main

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/emersion/go-msgauth/dkim"
)

var records = map[string]string{}
var keys = map[string]crypto.Signer{}

func seconds() float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err)
	}
	microseconds := used.Utime.Usec + used.Stime.Usec + (used.Utime.Sec+used.Stime.Sec)*1e6
	return float64(microseconds) / 1e6
}

func lookup(name string) ([]string, error) {
	if text, known := records[name]; known {
		return []string{text}, nil
	}
	return nil, fmt.Errorf("no key at %s", name)
}

func verify(octets []byte) (string, error) {
	options := dkim.VerifyOptions{LookupTXT: lookup}
	verdicts, err := dkim.VerifyWithOptions(bytes.NewReader(octets), &options)
	if err != nil {
		return "", err
	}
	words := make([]string, len(verdicts))
	for i, verdict := range verdicts {
		words[i] = "pass"
		if verdict.Err != nil {
			words[i] = "fail"
		}
	}
	return strings.Join(words, "\n"), nil
}

func key(path string) (crypto.Signer, error) {
	if made, known := keys[path]; known {
		return made, nil
	}
	octets, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(octets)
	made, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	keys[path] = made.(crypto.Signer)
	return keys[path], nil
}

// words: selector, domain, method, algorithm, key file, names
func sign(octets []byte, words []string) (string, error) {
	signer, err := key(words[4])
	if err != nil {
		return "", err
	}
	header, body, _ := strings.Cut(words[2], "/")
	made, err := dkim.NewSigner(&dkim.SignOptions{
		Selector:               words[0],
		Domain:                 words[1],
		Signer:                 signer,
		HeaderCanonicalization: dkim.Canonicalization(header),
		BodyCanonicalization:   dkim.Canonicalization(body),
		HeaderKeys:             strings.Split(words[5], ","),
	})
	if err != nil {
		return "", err
	}
	if _, err := made.Write(octets); err != nil {
		return "", err
	}
	if err := made.Close(); err != nil {
		return "", err
	}
	return made.Signature(), nil
}

func answered(what string, words []string, octets []byte) (string, float64) {
	repeat, err := strconv.Atoi(words[0])
	answer, start := "", seconds()
	for i := 0; i < repeat && err == nil; i++ {
		if what == "verify" {
			answer, err = verify(octets)
		} else {
			answer, err = sign(octets, words[1:])
		}
	}
	if err != nil {
		return "!" + err.Error(), 0
	}
	return answer, seconds() - start
}

func main() {
	in := bufio.NewReader(os.Stdin)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		words := strings.Fields(line)
		length, _ := strconv.Atoi(words[len(words)-1])
		octets := make([]byte, length)
		if _, err := io.ReadFull(in, octets); err != nil {
			return
		}
		switch words[0] {
		case "key":
			records[words[1]] = string(octets)
		case "forget":
			records = map[string]string{}
		default:
			answer, spent := answered(words[0], words[1:len(words)-1], octets)
			fmt.Printf("%f %d\n%s", spent, len(answer), answer)
		}
	}
}
