// An executor: acquires runs, runs the command of each, and stops it when the run is cancelled.
// RUNSD_TOKEN=... executor ADDRESS; LEASE_S, GRACE_S and SLOTS are read from the environment, too.
package main

import (
	"context"
	"fmt"
	"log"
	"math/rand"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/golang/protobuf/ptypes"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"runsd/runs/v1"
)

func number(name string, otherwise int) int {
	if given, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return given
	}
	return otherwise
}

var (
	leaseTime = time.Duration(number("LEASE_S", 30)) * time.Second // unrenewed for so long, a run is another's
	grace     = time.Duration(number("GRACE_S", 10)) * time.Second // from a child's TERM to its KILL
	slots     = make(chan bool, number("SLOTS", 4))                // children at once
	host, _   = os.Hostname()
	holder    = fmt.Sprintf("%s-%d-%x", host, os.Getpid(), time.Now().UnixNano()) // a fresh name at each start
	lease     = &runsv1.LeaseRequest{Holder: holder, Duration: ptypes.DurationProto(leaseTime)}
	token     = metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+os.Getenv("RUNSD_TOKEN"))
	runs      runsv1.RunsServiceClient
	works     sync.Map // what is held: *work -> true
	renewNow  = make(chan bool, 1)
)

// A run that is held. The channels have room for one value.
type work struct {
	id      string
	attempt int64
	until   chan time.Time // the lease goes on until then, by our clock
	why     chan string    // stop it for this
}

func held() (list []*work) {
	works.Range(func(w, _ any) bool { list = append(list, w.(*work)); return true })
	return list
}

// Puts a value into a channel that has room for one, unless one is there.
func offer[T any](channel chan T, value T) {
	select {
	case channel <- value:
	default:
	}
}

// Waits before the next try: longer each time, and random, so that many do not come at once.
// Restarts, proxies and limits end calls and streams with all of these codes.
func pause(err error, tries int) error {
	switch status.Code(err) {
	case codes.Unavailable, codes.Internal, codes.Unknown, codes.ResourceExhausted,
		codes.DeadlineExceeded, codes.Canceled:
		log.Print("trying again: ", err)
		longest := 5 * time.Second
		if tries < 6 {
			longest = 100 * time.Millisecond << tries
		}
		time.Sleep(longest/2 + time.Duration(rand.Int63n(int64(longest/2))))
		return nil
	}
	return err
}

// Calls until there is an answer; what a call did whose answer was lost, the next answer says.
func call[Q, R any](ctx context.Context, method func(context.Context, Q, ...grpc.CallOption) (R, error), request Q) (R, error) {
	for tries := 0; ; tries++ {
		limited, done := context.WithTimeout(ctx, 10*time.Second)
		reply, err := method(limited, request)
		done()
		if err == nil || ctx.Err() != nil {
			return reply, err
		}
		if err = pause(err, tries); err != nil {
			return reply, err
		}
	}
}

// The ErrorInfo of an error that the server made; nil of one that gRPC made itself.
func errorInfo(err error) *errdetails.ErrorInfo {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info
		}
	}
	return nil
}

// Takes a run whenever there is a free slot.
func acquire(ctx context.Context) error {
	wait := leaseTime / 2 // for a run, if there is none
	if wait > 5*time.Second {
		wait = 5 * time.Second
	}
	for {
		slots <- true
		asked := time.Now()
		reply, err := call(ctx, runs.AcquireRuns,
			&runsv1.AcquireRunsRequest{Lease: lease, MaxRuns: 1, Wait: ptypes.DurationProto(wait)})
		if err != nil {
			return err
		}
		if len(reply.Runs) == 0 {
			<-slots
		}
		for _, got := range reply.Runs {
			w := &work{got.Run.Id, got.Attempt, make(chan time.Time, 1), make(chan string, 1)}
			works.Store(w, true)
			go w.execute(got.Run.PropValues.GetFields()["command"].GetStringValue(), asked.Add(leaseTime))
			offer(renewNow, true)
		}
	}
}

// Runs the run's command to its end, or until it is to stop; then says so to the server.
func (w *work) execute(command string, until time.Time) {
	log.Printf("acquired %s #%d", w.id, w.attempt)
	if command == "" {
		command = "exit 64"
	}
	child := exec.Command("sh", "-c", command)
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	child.Env = append(os.Environ(), "RUN_ID="+w.id, fmt.Sprint("ATTEMPT=", w.attempt))
	child.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := child.Start(); err != nil {
		log.Fatal(err)
	}
	end := make(chan bool)
	go func() {
		child.Wait()
		close(end)
	}()
	why := ""
	for why == "" {
		select {
		case <-end:
			why = "its end"
		case until = <-w.until:
		case <-time.After(time.Until(until)): // nothing was heard for a whole lease:
			offer(w.why, "lost") // another may work on it now
		case why = <-w.why:
			log.Printf("stopping %s #%d: %s", w.id, w.attempt, why)
			syscall.Kill(-child.Process.Pid, syscall.SIGTERM)
			select {
			case <-end:
			case <-time.After(grace):
			}
		}
	}
	syscall.Kill(-child.Process.Pid, syscall.SIGKILL) // and what it has left behind: stopped means all of it
	<-end
	said := w.settle(why, child.ProcessState.ExitCode())
	works.Delete(w)
	<-slots
	log.Printf("done with %s #%d: %s", w.id, w.attempt, said)
}

// Says to the server what became of the work; returns what was said.
func (w *work) settle(why string, code int) (said string) {
	var err error
	switch why {
	case "lost": // the run may be another's: nothing of it is ours to say
		return "nothing said"
	case "cancelled":
		said = "acknowledged"
		_, err = call(token, runs.AcknowledgeCancel, &runsv1.AcknowledgeCancelRequest{Id: w.id, Attempt: w.attempt})
	case "released":
		said = "released"
		_, err = call(token, runs.ReleaseRun, &runsv1.ReleaseRunRequest{Id: w.id, Attempt: w.attempt})
	default:
		said = fmt.Sprint("reported exit code ", code)
		is := runsv1.RunStatus_RUN_STATUS_SUCCESS
		if code != 0 {
			is = runsv1.RunStatus_RUN_STATUS_FAILURE
		}
		_, err = call(token, runs.ReportRun, &runsv1.ReportRunRequest{
			Id: w.id, Attempt: w.attempt, Status: is, Reason: fmt.Sprint("exit code ", code)})
	}
	if err == nil {
		return said
	}
	info := errorInfo(err)
	isCancelled := info.GetMetadata()["status"] == "cancelled" && info.GetReason() != "ATTEMPT_STALE"
	if isCancelled && why != "cancelled" {
		return w.settle("cancelled", code) // and we had not heard of it when the child ended
	}
	// RUN_ALREADY_FINISHED may be our own report, whose answer was lost.
	return fmt.Sprintf("refused: %s %s", info.GetReason(), info.GetMetadata()["status"])
}

// Renews what is held, often enough that a failure costs no lease; stops what is not ours.
func renew() error {
	for {
		select {
		case <-renewNow:
		case <-time.After(leaseTime / 3):
		}
		list, asked := held(), time.Now()
		request := &runsv1.RenewLeasesRequest{Lease: lease}
		for _, w := range list {
			request.Leases = append(request.Leases, &runsv1.HeldLease{RunId: w.id, Attempt: w.attempt})
		}
		reply, err := call(token, runs.RenewLeases, request)
		if err != nil {
			return err
		}
		for i, renewal := range reply.Renewals {
			if renewal.State == runsv1.LeaseState_LEASE_STATE_HELD {
				offer(list[i].until, asked.Add(leaseTime))
			} else if renewal.Status == runsv1.RunStatus_RUN_STATUS_CANCELLED {
				offer(list[i].why, "cancelled")
			} else {
				offer(list[i].why, "lost")
			}
		}
	}
}

// Has all renewed at once when something happens to what is held: the renewal says what.
func watch() error {
	cursor := ""
	for tries := 0; ; tries++ {
		stream, err := runs.WatchRuns(token, &runsv1.WatchRunsRequest{Holder: holder, Cursor: cursor})
		for err == nil {
			var message *runsv1.WatchRunsResponse
			if message, err = stream.Recv(); err != nil {
				break
			}
			tries = 0
			if message.Cursor != "" {
				cursor = message.Cursor
			}
			for _, w := range held() {
				if w.id == message.GetChange().GetRunId() {
					offer(renewNow, true)
				}
			}
		}
		offer(renewNow, true) // for what is missed meanwhile
		if status.Code(err) == codes.OutOfRange {
			cursor = "" // CURSOR_EXPIRED: the feed does not go back so far
		} else if err = pause(err, tries); err != nil {
			return err
		}
	}
}

func main() {
	os.Unsetenv("RUNSD_TOKEN") // no child is to have it
	log.SetFlags(0)
	log.Print("holder ", holder)
	rand.Seed(time.Now().UnixNano())
	reconnect := backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second}
	channel, err := grpc.Dial(os.Args[1], grpc.WithInsecure(),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnect, MinConnectTimeout: 5 * time.Second}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 20 * time.Second})) // a proxy may forget it
	if err != nil {
		log.Fatal(err)
	}
	runs = runsv1.NewRunsServiceClient(channel)
	stopping := make(chan os.Signal, 1)
	signal.Notify(stopping, syscall.SIGTERM, syscall.SIGINT)
	ctx, takeNoMore := context.WithCancel(token)
	failed := make(chan error, 3)
	go func() { failed <- acquire(ctx) }()
	go func() { failed <- renew() }()
	go func() { failed <- watch() }()
	select {
	case err = <-failed: // it cannot go on, since the token was revoked say
	case <-stopping:
	}
	takeNoMore()
	for list := held(); len(list) > 0; list = held() {
		for _, w := range list {
			offer(w.why, "released")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil {
		log.Fatal(err)
	}
}
