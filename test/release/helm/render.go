// Renders a Helm chart as Helm does (text/template, sprig, the functions and objects of its documentation), where there is no helm.
//
//	render CHART RELEASE NAMESPACE [VALUES.yaml…]
//
// Prints a JSON object: the rendered text by the template's path. Needs Go and Debian's golang-github-masterminds-sprig-dev.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"gopkg.in/yaml.v3"
)

type object = map[string]interface{}

func main() {
	if len(os.Args) < 4 {
		fail(errors.New("render CHART RELEASE NAMESPACE [VALUES.yaml…]"))
	}
	rendered, err := render(os.Args[1], os.Args[2], os.Args[3], os.Args[4:])
	if err != nil {
		fail(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(rendered); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func render(chart, release, namespace string, files []string) (map[string]string, error) {
	about, err := readYaml(filepath.Join(chart, "Chart.yaml"))
	if err != nil {
		return nil, err
	}
	values, err := readYaml(filepath.Join(chart, "values.yaml"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		more, err := readYaml(file)
		if err != nil {
			return nil, err
		}
		values = coalesced(values, more)
	}
	top := object{
		"Values":       values,
		"Chart":        object{"Name": about["name"], "Version": about["version"], "AppVersion": about["appVersion"]},
		"Release":      object{"Name": release, "Namespace": namespace, "Service": "Helm", "IsInstall": true, "IsUpgrade": false, "Revision": 1},
		"Capabilities": object{"KubeVersion": object{"Version": "v1.32.0", "Major": "1", "Minor": "32"}},
		"Files":        chartFiles{chart},
	}
	return renderAll(chart, about["name"].(string), top)
}

func renderAll(chart, name string, top object) (map[string]string, error) {
	all := template.New(name).Option("missingkey=zero")
	all.Funcs(functions(all))
	paths, err := filepath.Glob(filepath.Join(chart, "templates", "*"))
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if _, err := all.New(filepath.Join("templates", filepath.Base(path))).Parse(string(text)); err != nil {
			return nil, err
		}
	}
	rendered := map[string]string{}
	for _, path := range paths {
		key := filepath.Join("templates", filepath.Base(path))
		if strings.HasPrefix(filepath.Base(path), "_") {
			continue
		}
		with := object{"Template": object{"Name": filepath.Join(name, key), "BasePath": filepath.Join(name, "templates")}}
		for each, value := range top {
			with[each] = value
		}
		var out bytes.Buffer
		if err := all.ExecuteTemplate(&out, key, with); err != nil {
			return nil, err
		}
		// As Helm: what `missingkey=zero` prints of a map without a type.
		rendered[key] = strings.ReplaceAll(out.String(), "<no value>", "")
	}
	return rendered, nil
}

// functions are sprig's without those that read the machine, and Helm's own.
func functions(all *template.Template) template.FuncMap {
	known := sprig.TxtFuncMap()
	delete(known, "env")
	delete(known, "expandenv")
	known["include"] = func(name string, data interface{}) (string, error) {
		var out bytes.Buffer
		err := all.ExecuteTemplate(&out, name, data)
		return out.String(), err
	}
	known["tpl"] = func(text string, data interface{}) (string, error) {
		clone, err := all.Clone()
		if err != nil {
			return "", err
		}
		parsed, err := clone.New("tpl").Parse(text)
		if err != nil {
			return "", err
		}
		var out bytes.Buffer
		err = parsed.Execute(&out, data)
		return out.String(), err
	}
	known["required"] = func(message string, value interface{}) (interface{}, error) {
		if value == nil || value == "" {
			return value, errors.New(message)
		}
		return value, nil
	}
	known["fail"] = func(message string) (string, error) { return "", errors.New(message) }
	// No cluster is asked, as with `helm template`.
	known["lookup"] = func(string, string, string, string) object { return object{} }
	known["toYaml"] = toYaml
	known["fromYaml"] = func(text string) object {
		parsed := object{}
		if err := yaml.Unmarshal([]byte(text), &parsed); err != nil {
			return object{"Error": err.Error()}
		}
		return parsed
	}
	return known
}

func toYaml(value interface{}) (string, error) {
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(value); err != nil {
		return "", err
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

// readYaml goes through JSON, as Helm does: every number is a float64.
func readYaml(path string) (object, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var parsed object
	if err := yaml.Unmarshal(text, &parsed); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	asJSON, err := json.Marshal(parsed)
	if err != nil {
		return nil, err
	}
	var values object
	err = json.Unmarshal(asJSON, &values)
	return values, err
}

// coalesced lays values over others; null takes a key away.
func coalesced(under, over object) object {
	merged := object{}
	for key, value := range under {
		merged[key] = value
	}
	for key, value := range over {
		below, wasMap := merged[key].(object)
		above, isMap := value.(object)
		switch {
		case value == nil:
			delete(merged, key)
		case wasMap && isMap:
			merged[key] = coalesced(below, above)
		default:
			merged[key] = value
		}
	}
	return merged
}

// chartFiles is `.Files`.
type chartFiles struct{ dir string }

func (files chartFiles) Get(name string) (string, error) {
	text, err := os.ReadFile(filepath.Join(files.dir, name))
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	return string(text), err
}
