package plan

import "slices"

func (in Reconfigured) apply(s *State) {
	var list []*service
	for _, c := range in.Services {
		svc := s.find(c.Name)
		switch {
		case svc == nil:
			list = append(list, s.add(c))
		case svc.mode != leaving: // else it is appended below
			list = append(list, svc)
			s.edit(svc, c, in)
		}
	}
	for _, svc := range s.services {
		if !slices.Contains(list, svc) {
			s.leave(svc)
			list = append(list, svc)
		}
	}
	s.services = list
}

// add returns a service that came by an edit of the config.
func (s *State) add(c Service) *service {
	svc := newService(c)
	svc.gen, svc.launches, svc.added = s.past[c.Name].gen, s.past[c.Name].launch, true
	svc.wantBuild(s.now)
	return svc
}

// edit gives a service its new settings.
func (s *State) edit(svc *service, c Service, in Reconfigured) {
	if svc.Builds && !c.Builds {
		s.dropBuild(svc)
		svc.programs = programs{files: svc.programs.files}
		svc.failed.build = false
		svc.wants.start = min(svc.wants.start, startGood)
	}
	svc.Service = c
	if !c.Job {
		svc.done = nil
	}
	svc.wants.triggers = nil // the numbers may mean other rules now
	switch {
	case in.Rebuild[c.Name], in.Restart[c.Name] && !svc.programs.texts.IsZero():
		svc.wantFreshBuild(s.now)
	case in.Restart[c.Name]:
		svc.wantRestart(s.now)
	}
	if in.Restart[c.Name] {
		svc.replaceProcess()
	}
}

// leave ends a service that the config no longer has. It goes through stopLeaving and forget.
func (s *State) leave(svc *service) {
	if svc.mode == leaving {
		return
	}
	svc.mode, svc.burst.stage = leaving, noBurst
	s.dropAll(svc)
	svc.programs = programs{files: svc.programs.files}
}

// forget drops the services of which nothing is left.
func (s *State) forget() {
	s.services = slices.DeleteFunc(s.services, func(svc *service) bool {
		if svc.mode != leaving || svc.job != nil || svc.proc != nil {
			return false
		}
		s.past[svc.Name] = past{svc.gen, svc.launches}
		s.do(Forget{svc.Name})
		return true
	})
}
