// Command kubelet-plugin runs kubelet's own code for image credential providers without a
// node: the package that runs providers and caches their responses, and the types that
// kubelet decodes its files and those responses with.
//
//	kubelet-plugin run [-parallel] CONFIG BIN_DIR
//	    Register the providers of CONFIG, as kubelet does when it starts. Then look up the
//	    credentials of each pull on stdin, one JSON object per line (type pull), and print
//	    one JSON object per line (type lookup). With -parallel, look up all lines at once.
//	    kubelet's log goes to stderr.
//	kubelet-plugin decode [FILE...]
//	    Decode each document of the files (or of stdin) strictly, and print it as a line of
//	    JSON: kubelet's configuration, requests and responses, and objects of Kubernetes'
//	    API.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"sync"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/klog/v2"
	credentialprovider "k8s.io/kubelet/pkg/apis/credentialprovider/install"
	"k8s.io/kubernetes/pkg/credentialprovider/plugin"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"
	kubeletconfigv1 "k8s.io/kubernetes/pkg/kubelet/apis/config/v1"
	kubeletconfigv1alpha1 "k8s.io/kubernetes/pkg/kubelet/apis/config/v1alpha1"
	kubeletconfigv1beta1 "k8s.io/kubernetes/pkg/kubelet/apis/config/v1beta1"
	"k8s.io/kubernetes/pkg/util/parsers"
)

// pull is the pull of one image for one pod. It has what the API server would tell kubelet
// about the pod's service account.
type pull struct {
	Image             string            `json:"image"`
	Namespace         string            `json:"namespace"`
	Pod               string            `json:"pod"`
	PodUID            string            `json:"podUID"`
	ServiceAccount    string            `json:"serviceAccount"`
	ServiceAccountUID string            `json:"serviceAccountUID"`
	Annotations       map[string]string `json:"serviceAccountAnnotations"`
	Token             string            `json:"serviceAccountToken"`
}

// lookup has the logins that kubelet would pull with, in the order in which it tries them.
type lookup struct {
	Repository string  `json:"repository,omitempty"`
	Logins     []login `json:"logins"`
	Error      string  `json:"error,omitempty"`
}

type login struct {
	Username string `json:"username"`
	Password string `json:"password"`
	// NAMESPACE/NAME of the account whose pods may use the image. If empty, all pods may.
	ServiceAccount string `json:"serviceAccount,omitempty"`
}

// apiServer knows the service accounts of the pulls so far.
type apiServer struct {
	mutex    sync.Mutex
	accounts map[types.NamespacedName]pull
}

func (s *apiServer) learn(p pull) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.accounts[types.NamespacedName{Namespace: p.Namespace, Name: p.ServiceAccount}] = p
}

func (s *apiServer) find(namespace, name string) (pull, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	p, ok := s.accounts[types.NamespacedName{Namespace: namespace, Name: name}]
	if !ok {
		return pull{}, fmt.Errorf("serviceaccounts %q not found", name)
	}
	return p, nil
}

func (s *apiServer) account(namespace, name string) (*corev1.ServiceAccount, error) {
	p, err := s.find(namespace, name)
	if err != nil {
		return nil, err
	}
	return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: name, UID: types.UID(p.ServiceAccountUID),
		Annotations: p.Annotations,
	}}, nil
}

func (s *apiServer) token(namespace, name string, request *authenticationv1.TokenRequest) (*authenticationv1.TokenRequest, error) {
	p, err := s.find(namespace, name)
	if err != nil {
		return nil, err
	}
	issued := request.DeepCopy()
	issued.Status.Token = p.Token
	return issued, nil
}

// lookUp finds the logins as kubelet does before each pull.
func (s *apiServer) lookUp(line []byte) lookup {
	var p pull
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil {
		return lookup{Logins: []login{}, Error: err.Error()}
	}
	s.learn(p)
	repository, _, _, err := parsers.ParseImageName(p.Image)
	if err != nil {
		return lookup{Logins: []login{}, Error: err.Error()}
	}
	keyring := plugin.NewExternalCredentialProviderDockerKeyring(p.Namespace, p.Pod, p.PodUID, p.ServiceAccount)
	found := lookup{Repository: repository, Logins: []login{}}
	configs, _ := keyring.Lookup(repository)
	for _, config := range configs {
		l := login{Username: config.Username, Password: config.Password}
		if config.Source != nil && config.Source.ServiceAccount != nil {
			account := config.Source.ServiceAccount
			l.ServiceAccount = account.Namespace + "/" + account.Name
		}
		found.Logins = append(found.Logins, l)
	}
	return found
}

func run(arguments []string) error {
	flags := flag.NewFlagSet("run", flag.ExitOnError)
	parallel := flags.Bool("parallel", false, "look up all lines at once")
	klog.InitFlags(flags)
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if flags.NArg() != 2 {
		return errors.New("usage: kubelet-plugin run [-parallel] CONFIG BIN_DIR")
	}
	server := &apiServer{accounts: map[types.NamespacedName]pull{}}
	if err := plugin.RegisterCredentialProviderPlugins(flags.Arg(0), flags.Arg(1), server.token, server.account); err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	output := json.NewEncoder(os.Stdout)
	if !*parallel {
		for lines.Scan() {
			if err := output.Encode(server.lookUp(lines.Bytes())); err != nil {
				return err
			}
		}
		return lines.Err()
	}
	return errors.Join(runParallel(server, lines, output), lines.Err())
}

// runParallel prints the lookups in the order of the lines.
func runParallel(server *apiServer, lines *bufio.Scanner, output *json.Encoder) error {
	var lookups []*lookup
	var group sync.WaitGroup
	for lines.Scan() {
		line, found := bytes.Clone(lines.Bytes()), new(lookup)
		lookups = append(lookups, found)
		group.Go(func() { *found = server.lookUp(line) })
	}
	group.Wait()
	for _, found := range lookups {
		if err := output.Encode(found); err != nil {
			return err
		}
	}
	return nil
}

// strictCodecs has the types of kubelet's own codec for providers, and those of the API.
func strictCodecs() serializer.CodecFactory {
	scheme := runtime.NewScheme()
	credentialprovider.Install(scheme)
	for _, add := range []func(*runtime.Scheme) error{
		kubeletconfig.AddToScheme, kubeletconfigv1alpha1.AddToScheme,
		kubeletconfigv1beta1.AddToScheme, kubeletconfigv1.AddToScheme, clientscheme.AddToScheme,
	} {
		utilruntime.Must(add(scheme))
	}
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict)
}

func decode(files []string) error {
	decoder := strictCodecs().UniversalDeserializer()
	if len(files) == 0 {
		return decodeDocuments(decoder, "stdin", os.Stdin)
	}
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		err = decodeDocuments(decoder, name, file)
		file.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func decodeDocuments(decoder runtime.Decoder, name string, file io.Reader) error {
	documents := yaml.NewYAMLReader(bufio.NewReader(file))
	output := json.NewEncoder(os.Stdout)
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		object, _, err := decoder.Decode(document, nil, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := output.Encode(object); err != nil {
			return err
		}
	}
}

func main() {
	commands := map[string]func([]string) error{"run": run, "decode": decode}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: kubelet-plugin run|decode …")
		os.Exit(2)
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
