"""What every template may use besides what Django brings."""
