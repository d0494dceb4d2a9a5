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
	runs      runsv1.RunsServiceClient
	// What calls carry: the token.
	authorized = metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+os.Getenv("RUNSD_TOKEN"))
	mutex      sync.Mutex
	works      = map[*work]bool{} // what is held
	renewNow   = make(chan bool, 1)
)

// A run that is held. The mutex guards until: the lease's end by our clock.
type work struct {
	id      string
	attempt int64
	until   time.Time
	why     chan string // has room for one: stop it for this
}

func (w *work) stop(why string) {
	select {
	case w.why <- why:
	default: // it was to stop before
	}
}

func held() (list []*work) {
	mutex.Lock()
	defer mutex.Unlock()
	for w := range works {
		list = append(list, w)
	}
	return list
}

func renewSoon() {
	select {
	case renewNow <- true:
	default:
	}
}

// Waits before the next try: longer each time, and random, so that many do not come at once.
// Restarts, proxies and limits end calls and streams with all of these codes.
func pause(err error, tries int) error {
	switch status.Code(err) {
	case codes.Unavailable, codes.Internal, codes.Unknown, codes.ResourceExhausted,
		codes.DeadlineExceeded, codes.Canceled:
	default:
		return err
	}
	log.Print("trying again: ", err)
	longest := 5 * time.Second
	if tries < 6 {
		longest = 100 * time.Millisecond << tries
	}
	time.Sleep(longest/2 + time.Duration(rand.Int63n(int64(longest/2))))
	return nil
}

// Calls until there is an answer; what a call did whose answer was lost, the next answer says.
func call(parent context.Context, method func(ctx context.Context) error) error {
	for tries := 0; ; tries++ {
		ctx, done := context.WithTimeout(parent, 10*time.Second)
		err := method(ctx)
		done()
		if err == nil || parent.Err() != nil {
			return err
		}
		if err = pause(err, tries); err != nil {
			return err
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
	wait := leaseTime / 2
	if wait > 5*time.Second {
		wait = 5 * time.Second
	}
	request := &runsv1.AcquireRunsRequest{Lease: lease, MaxRuns: 1, Wait: ptypes.DurationProto(wait)}
	for {
		slots <- true
		asked := time.Now()
		var reply *runsv1.AcquireRunsResponse
		if err := call(ctx, func(ctx context.Context) (err error) {
			reply, err = runs.AcquireRuns(ctx, request)
			return err
		}); err != nil {
			return err
		}
		if len(reply.Runs) == 0 {
			<-slots
		}
		for _, got := range reply.Runs {
			w := &work{got.Run.Id, got.Attempt, asked.Add(leaseTime), make(chan string, 1)}
			mutex.Lock()
			works[w] = true
			mutex.Unlock()
			go w.execute(got.Run.PropValues.GetFields()["command"].GetStringValue())
			renewSoon()
		}
	}
}

// Runs the run's command to its end, or until it is to stop; then says so to the server.
func (w *work) execute(command string) {
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
	expiry := time.NewTicker(100 * time.Millisecond)
	defer expiry.Stop()
	for why == "" {
		select {
		case <-end:
			why = "end"
		case why = <-w.why:
			log.Printf("stopping %s #%d: %s", w.id, w.attempt, why)
			syscall.Kill(-child.Process.Pid, syscall.SIGTERM)
			select {
			case <-end:
			case <-time.After(grace):
			}
		case <-expiry.C:
			mutex.Lock()
			if time.Now().After(w.until) {
				w.stop("lost") // nothing was heard for a whole lease: another may work on it now
			}
			mutex.Unlock()
		}
	}
	syscall.Kill(-child.Process.Pid, syscall.SIGKILL) // and what it has left behind: stopped means all of it
	<-end
	said := w.settle(why, child.ProcessState.ExitCode())
	mutex.Lock()
	delete(works, w)
	mutex.Unlock()
	<-slots
	log.Printf("done with %s #%d: %s", w.id, w.attempt, said)
}

// Says to the server what became of the work; returns what was said.
func (w *work) settle(why string, code int) string {
	said := ""
	err := call(authorized, func(ctx context.Context) (err error) {
		switch why {
		case "lost": // the run may be another's: nothing of it is ours to say
			said = "nothing said"
		case "cancelled":
			said = "acknowledged"
			_, err = runs.AcknowledgeCancel(ctx, &runsv1.AcknowledgeCancelRequest{Id: w.id, Attempt: w.attempt})
		case "released":
			said = "released"
			_, err = runs.ReleaseRun(ctx, &runsv1.ReleaseRunRequest{Id: w.id, Attempt: w.attempt})
		default:
			said = fmt.Sprint("reported exit code ", code)
			report := &runsv1.ReportRunRequest{Id: w.id, Attempt: w.attempt, Status: runsv1.RunStatus_RUN_STATUS_SUCCESS, Reason: fmt.Sprint("exit code ", code)}
			if code != 0 {
				report.Status = runsv1.RunStatus_RUN_STATUS_FAILURE
			}
			_, err = runs.ReportRun(ctx, report)
		}
		return err
	})
	info := errorInfo(err)
	switch {
	case err == nil:
		return said
	case info.GetMetadata()["status"] == "cancelled" && info.GetReason() != "ATTEMPT_STALE" && why != "cancelled":
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
		var reply *runsv1.RenewLeasesResponse
		if err := call(authorized, func(ctx context.Context) (err error) {
			reply, err = runs.RenewLeases(ctx, request)
			return err
		}); err != nil {
			return err
		}
		for i, renewal := range reply.Renewals {
			switch {
			case renewal.State == runsv1.LeaseState_LEASE_STATE_HELD:
				mutex.Lock()
				list[i].until = asked.Add(leaseTime)
				mutex.Unlock()
			case renewal.Status == runsv1.RunStatus_RUN_STATUS_CANCELLED:
				list[i].stop("cancelled")
			default:
				list[i].stop("lost")
			}
		}
	}
}

// Has all renewed at once when something happens to what is held: the renewal says what.
func watch() error {
	cursor := ""
	for tries := 0; ; tries++ {
		stream, err := runs.WatchRuns(authorized, &runsv1.WatchRunsRequest{Holder: holder, Cursor: cursor})
		for err == nil {
			var message *runsv1.WatchRunsResponse
			if message, err = stream.Recv(); err == nil {
				tries = 0
				if message.Cursor != "" {
					cursor = message.Cursor
				}
				for _, w := range held() {
					if w.id == message.GetChange().GetRunId() {
						renewSoon()
					}
				}
			}
		}
		renewSoon() // for what is missed meanwhile
		if status.Code(err) == codes.OutOfRange {
			cursor = "" // CURSOR_EXPIRED: the feed does not go back so far
		} else if err = pause(err, tries); err != nil {
			return err
		}
	}
}

func main() {
	log.SetFlags(0)
	log.Print("holder ", holder)
	rand.Seed(time.Now().UnixNano())
	channel, err := grpc.Dial(os.Args[1], grpc.WithInsecure(),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.Config{BaseDelay: 100 * time.Millisecond,
			Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second}, MinConnectTimeout: 5 * time.Second}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 20 * time.Second})) // a proxy may forget it
	if err != nil {
		log.Fatal(err)
	}
	runs = runsv1.NewRunsServiceClient(channel)
	stopping := make(chan os.Signal, 1)
	signal.Notify(stopping, syscall.SIGTERM, syscall.SIGINT)
	ctx, takeNoMore := context.WithCancel(authorized)
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
			w.stop("released")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil {
		log.Fatal(err)
	}
}
