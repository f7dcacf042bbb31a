package cli

// cmd.exe knows only double quotes, and PowerShell takes them, too. A path needs none for its \. PowerShell
// would take @ and a comma apart, and cmd.exe %.
var shellQuotes = quotes{plain: `_-./\:=+`, quote: `"`, within: `\"`}
