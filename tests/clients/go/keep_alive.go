// Cancels runs over connections that rest in between; standard input and output are those
// of ../node/keep_alive.js. A request counts as sent when all of it was written.
package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptrace"
	"os"
	"sync"
	"time"
)

type cancel struct {
	ID      string  `json:"id"`
	PauseMs float64 `json:"pauseMs"`
}

type input struct {
	URL         string     `json:"url"`
	Token       string     `json:"token"`
	Stops       bool       `json:"stops"`
	Connections [][]cancel `json:"connections"`
}

type result struct {
	ID      string  `json:"id"`
	SinceMs float64 `json:"sinceMs"`
	SentAt  float64 `json:"sentAt"`
	Status  int     `json:"status"`
	Error   string  `json:"error"`
}

// Returns the status and when the request was written.
func send(client *http.Client, in *input, method, path string) (int, time.Time, error) {
	// The trace may be called after Do has returned.
	var mutex sync.Mutex
	written := time.Now()
	trace := &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) {
		mutex.Lock()
		written = time.Now()
		mutex.Unlock()
	}}
	ctx := httptrace.WithClientTrace(context.Background(), trace)
	request, err := http.NewRequestWithContext(ctx, method, in.URL+path, nil)
	if err != nil {
		panic(err)
	}
	request.Header.Set("Authorization", "Bearer "+in.Token)
	response, err := client.Do(request)
	mutex.Lock()
	at := written
	mutex.Unlock()
	if err != nil {
		return 0, at, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, at, err
}

func run(in *input, list []cancel, results chan<- result) {
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	begin := time.Now()
	if _, _, err := send(client, in, "GET", "/v1/runs?pageSize=1"); err != nil {
		panic(err)
	}
	for _, c := range list {
		time.Sleep(time.Until(begin.Add(time.Duration(c.PauseMs * float64(time.Millisecond)))))
		before := begin
		begin = time.Now()
		status, written, err := send(client, in, "POST", "/v1/runs/"+c.ID+"/cancel")
		r := result{
			ID:      c.ID,
			SinceMs: float64(written.Sub(before)) / float64(time.Millisecond),
			SentAt:  float64(written.UnixMicro()) / 1e6,
			Status:  status,
		}
		if err != nil {
			r.Error = err.Error()
		}
		results <- r
		if err != nil && in.Stops {
			return
		}
	}
}

func main() {
	var in input
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil {
		panic(err)
	}
	results := make(chan result)
	var running sync.WaitGroup
	for _, list := range in.Connections {
		running.Add(1)
		go func(list []cancel) {
			defer running.Done()
			run(&in, list, results)
		}(list)
	}
	go func() {
		running.Wait()
		close(results)
	}()
	out := json.NewEncoder(os.Stdout)
	for r := range results {
		if err := out.Encode(r); err != nil {
			panic(err)
		}
	}
}
