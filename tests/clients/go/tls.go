// Asks a server for its health over TLS; prints SERVING, or why not. Arguments: address, the
// authority's file, and, where they are not empty, the files of a certificate and its key, and the
// name that the server's certificate must be for.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"
)

func config(ca, cert, key, serverName string) *tls.Config {
	text, err := os.ReadFile(ca)
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	made := &tls.Config{RootCAs: roots, ServerName: serverName}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			log.Fatal(err)
		}
		// Shown whatever authorities the server asks for.
		made.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &pair, nil
		}
	}
	return made
}

func main() {
	a := os.Args[1:]
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := grpc.DialContext(ctx, a[0],
		grpc.WithTransportCredentials(credentials.NewTLS(config(a[1], a[2], a[3], a[4]))))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	reply, err := grpc_health_v1.NewHealthClient(conn).Check(ctx,
		&grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(reply.GetStatus())
}
