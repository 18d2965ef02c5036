package pipeline

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bitmill/cli/steps"
	"bitmill/eval/report"
	"bitmill/formats/file"
	"bitmill/formats/modelcard"
)

// publish publishes the models of the report.
func publish(jobs []*job, r *report.Report) error {
	for i := range r.Models {
		at := slices.IndexFunc(jobs, func(j *job) bool { return j.name == r.Models[i].Name })
		if err := jobs[at].publish(r, &r.Models[i]); err != nil {
			return err
		}
	}
	return nil
}

// publish leaves beside the artifacts what people upload with them: a model card, the files' hashes, and Modelfiles for
// ollama. A file of that name that bitmill did not write stays, with a warning.
func (j *job) publish(r *report.Report, m *report.Model) error {
	var card bytes.Buffer
	if err := report.ModelCard(&card, r, m, j.origin()); err != nil {
		return err
	}
	if err := j.unpublish(); err != nil {
		return err
	}
	files := map[string]string{cardName: card.String(), "SHA256SUMS": m.Sums()}
	maps.Copy(files, m.Modelfiles())
	var outputs []file.Written
	for _, name := range slices.Sorted(maps.Keys(files)) {
		err := steps.CheckOutput(j.path(name), j.o.Force)
		if err == nil && name == cardName && !j.o.Force {
			err = j.checkCard()
		}
		if err != nil {
			j.Events.Warn(err.Error())
			continue
		}
		data := []byte(files[name])
		if err := file.Write(j.path(name), data); err != nil {
			return err
		}
		outputs = append(outputs, file.Written{Path: name, Bytes: int64(len(data)), SHA256: hashBytes(data)})
	}
	return j.store.Save("publish", key("publish", card.String()), outputs, nil)
}

// cardName is the file of the model card.
const cardName = "README.md"

// checkCard fails when somebody has made the model card their own: its mark is gone.
func (j *job) checkCard() error {
	data, err := file.Read(j.path(cardName))
	if err != nil || len(data) == 0 || bytes.Contains(data, []byte(report.CardMark)) {
		return nil
	}
	return fmt.Errorf("%s: it no longer says %q, and stays as it is; --force replaces it", j.path(cardName), report.CardMark)
}

// unpublish removes what an earlier run published, as its files are about to change.
func (j *job) unpublish() error {
	rec, whole := j.store.Intact("publish")
	if !whole {
		return nil
	}
	for _, o := range rec.Outputs {
		if err := os.Remove(j.path(o.Path)); err != nil {
			return err
		}
	}
	return nil
}

// origin is what the source says of itself.
func (j *job) origin() report.Origin {
	text := func(key string) string {
		s, _, _ := j.source.Metadata.String(key)
		return s
	}
	base := ""
	for _, prefix := range []string{"https://huggingface.co/", "https://hf.co/"} {
		if id, ok := strings.CutPrefix(text("general.repo_url"), prefix); ok {
			base = cmp.Or(base, id)
		}
	}
	path := j.source.Path
	id := cmp.Or(modelcard.CacheID(path), modelcard.CacheID(filepath.Dir(path))) // of a folder, of a file
	return report.Origin{Base: cmp.Or(id, base, j.name), License: text("general.license")}
}
