import Blueprint

func execInContainer(_ options: ExecOptions) -> Int32 { 125 }
