package config

// autoEngine: the direct engine makes go build's program here too, but was compared with it only under Wine.
const autoEngine = EngineGo
