package pipeline

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bitmill/formats/file"
)

// nameOthers warns of files and folders that an earlier run left beside those of this one. The report does not mention
// them: it is the same whatever else lies in its folder.
func (p *prepared) nameOthers(events Events) {
	var mine []string
	for _, j := range p.jobs {
		mine = append(mine, j.name)
		if names := j.otherFiles(); names != nil {
			events.Warn(fmt.Sprintf("%s also holds files that this run did not make and its report does not describe: %s",
				j.store.Dir, some(names)))
		}
	}
	if names := OtherRuns(p.o.Out, mine); names != nil {
		events.Warn(fmt.Sprintf("%s also holds folders of an earlier run, which the report does not describe: %s",
			p.o.Out, some(names)))
	}
}

// otherFiles lists the GGUF files in the model's folder that are not of this run.
func (j *job) otherFiles() (names []string) {
	var mine []string
	if j.calibration != nil && j.given == nil || file.Same(j.o.Imatrix, j.path(imatrixName)) {
		mine = append(mine, imatrixName)
	}
	for _, v := range j.variants {
		mine = append(mine, j.artifactName(v))
	}
	entries, _ := os.ReadDir(j.store.Dir)
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".gguf") && !slices.Contains(mine, e.Name()) && !j.isProbe(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names
}

// isProbe reports whether a file is a probe that a search kept, as this one does.
func (j *job) isProbe(name string) bool {
	word, ok := strings.CutPrefix(strings.TrimSuffix(name, ".gguf"), j.name+"-")
	return ok && j.o.KeepProbes && j.store.Has("probe-"+word)
}

// OtherRuns lists the folders in a folder of outputs that runs wrote to, but for those named.
func OtherRuns(out string, mine []string) (names []string) {
	entries, _ := os.ReadDir(out)
	for _, e := range entries {
		if st, err := os.Stat(filepath.Join(out, e.Name(), ".bitmill")); err != nil || !st.IsDir() {
			continue
		}
		if !slices.Contains(mine, e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names
}
